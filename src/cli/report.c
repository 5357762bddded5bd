/* SPDX-License-Identifier: ISC */
#include "cli/report.h"

#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "diagnose/diagnose.h"

#define LABEL_COLUMN	2
#define TEXT_COLUMN	18
#define TEXT_MAX	2048

void
report_begin(struct report *r, bool json)
{
	out_init(&r->out, stdout);
	r->json = json ? record_new() : NULL;
}

void
report_end(struct report *r)
{
	struct buf line;

	if (r->json == NULL)
		return;
	buf_init(&line, 64 * 1024);
	record_format(r->json, &line);
	fprintf(r->out.to, "%s\n", line.data);
	buf_wipe(&line);
	record_free(r->json);
	r->json = NULL;
}

void
report_title(struct report *r, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (r->json != NULL)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	out_wrap(&r->out, 0, text);
}

static const char *
member_name(char name[64], const char *label)
{
	char *p;

	snprintf(name, 64, "%s", label);
	for (p = name; *p != '\0'; p++)
		if (*p == ' ' || *p == '-')
			*p = '_';
		else if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return name;
}

static void
line(struct report *r, const char *label, const char *text)
{
	r->out.column = fprintf(r->out.to, "%*s%-*s", LABEL_COLUMN, "",
	    TEXT_COLUMN - LABEL_COLUMN - 1, label);
	fputc(' ', r->out.to);
	r->out.column++;
	out_advice(&r->out, TEXT_COLUMN, text);
}

void
report_text(struct report *r, const char *label, const char *text)
{
	char clean[TEXT_MAX], name[64];

	if (text == NULL || *text == '\0')
		return;
	status_printable(clean, sizeof clean, text);
	if (r->json != NULL)
		record_put_text(r->json, member_name(name, label), clean);
	else
		line(r, label, clean);
}

void
report_flag(struct report *r, const char *label, bool flag)
{
	char name[64];

	if (r->json != NULL)
		record_put_flag(r->json, member_name(name, label), flag);
	else
		line(r, label, flag ? "yes" : "no");
}

void
report_number(struct report *r, const char *label, int64_t number)
{
	char name[64], text[32];

	snprintf(text, sizeof text, "%lld", (long long)number);
	if (r->json != NULL)
		record_put_number(r->json, member_name(name, label), number);
	else
		line(r, label, text);
}

void
report_time(struct report *r, const char *label, int64_t wall)
{
	char date[40], span[CLOCK_SPAN_SIZE], name[64], text[80];

	if (wall == 0)
		return;
	if (r->json != NULL) {
		record_put_number(r->json, member_name(name, label), wall);
		return;
	}
	clock_rfc5322(wall, date);
	clock_span(span, clock_wall(), wall);
	snprintf(text, sizeof text, "%s, %s", date, span);
	line(r, label, text);
}

void
report_status(struct report *r, const char *label, const struct status *st)
{
	char text[STATUS_LINE_SIZE];

	status_line(st, text);
	report_text(r, label, text);
	report_text(r, "hint", diagnose_advice(st));
}
