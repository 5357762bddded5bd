/* SPDX-License-Identifier: ISC */
#include "cli/import_lines.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

char *
import_line(const char **text, const char *end, char line[IMPORT_LINE_MAX])
{
	const char *stop;
	size_t len;

	if (*text >= end)
		return NULL;
	stop = memchr(*text, '\n', (size_t)(end - *text));
	len = (size_t)((stop != NULL ? stop : end) - *text);
	if (len >= IMPORT_LINE_MAX)
		len = IMPORT_LINE_MAX - 1;
	memcpy(line, *text, len);
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		len--;
	line[len] = '\0';
	*text = stop != NULL ? stop + 1 : end;
	return line;
}

/* Adds a line that belongs to the last one, if there is one more such. */
static bool
join_line(struct import_source *s, char line[IMPORT_LINE_MAX])
{
	char buffer[IMPORT_LINE_MAX], *more;
	const char *before = s->text;
	size_t len = strlen(line);

	if (import_line(&s->text, s->end, buffer) == NULL)
		return false;
	more = import_skip_blanks(buffer);
	if (more == buffer && !import_is_comment(more)) {
		s->text = before;
		return false;
	}
	s->count++;
	if (!import_is_comment(more))
		snprintf(line + len, IMPORT_LINE_MAX - len, " %s", more);
	return true;
}

char *
import_joined_line(struct import_source *s, char line[IMPORT_LINE_MAX])
{
	char *start;

	do {
		if (import_line(&s->text, s->end, line) == NULL)
			return NULL;
		s->count++;
		start = import_skip_blanks(line);
	} while (import_is_comment(start));
	s->line = s->count;
	while (join_line(s, line))
		continue;
	return start;
}

char *
import_skip_blanks(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

bool
import_is_comment(const char *line)
{
	return *line == '\0' || *line == '#';
}

char *
import_cut(char *line, char separator)
{
	char *value = line + strcspn(line, separator == '=' ? "=" : " \t");
	char *end = value;

	if (*value != '\0')
		*value++ = '\0';
	while (end > line && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return import_skip_blanks(value);
}

char *
import_unquote(char *value)
{
	size_t len = strlen(value);

	if (len < 2 || value[0] != '"' || value[len - 1] != '"')
		return value;
	value[len - 1] = '\0';
	return value + 1;
}
