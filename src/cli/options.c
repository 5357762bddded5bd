/* SPDX-License-Identifier: ISC */
#include "cli/options.h"

#include <ctype.h>
#include <string.h>

#include "cli/dsn.h"

/* How a letter's argument is found.  Getting this wrong turns a flag's argument
 * into a recipient, or a recipient into an argument. */
enum arity {
	ALONE,		/* none: the next letter of the word is a flag too */
	ATTACHED,	/* the rest of the word, which may be empty */
	VALUE		/* the rest of the word, else the next word */
};

struct flag {
	char		 letter;
	enum arity	 arity;
	/* NULL: accepted and ignored.  -1 and *st refuses. */
	int		(*set)(struct options *o, const char *value,
			    struct status *st);
	const char	*purpose;	/* for the manual: what and why */
};

static int
set_mode(struct options *o, const char *value, struct status *st)
{
	static const struct {
		char letter;
		enum options_mode mode;
	} modes[] = {
		{ 'm', MODE_MESSAGE }, { 'a', MODE_MESSAGE }, { 's', MODE_SMTP },
		{ 'p', MODE_LIST }, { 'i', MODE_ALIASES }, { 'v', MODE_VERIFY },
		{ 'h', MODE_NOTHING }, { 'H', MODE_NOTHING },
		{ 'P', MODE_NOTHING },
	};
	size_t i;

	for (i = 0; i < sizeof modes / sizeof *modes; i++)
		if (modes[i].letter == value[0] && value[1] == '\0') {
			o->mode = modes[i].mode;
			return 0;
		}
	status_set(st, EX_USAGE, "mode -b%s is not supported", value);
	if (strchr("dDl", value[0]) != NULL)
		return status_hint(st, "mailbearer is no daemon and takes no mail "
		    "from the network; local programs pipe into sendmail or use "
		    "sendmail -bs");
	return status_hint(st, "see sendmail(8) for the modes there are");
}

static int
set_error_mode(struct options *o, const char *value, struct status *st)
{
	(void)st;
	/* Errors always go to stderr and the exit code: mailing them would use
	 * the path that has just failed.  Only q asks for less. */
	if (value[0] == 'q')
		o->quiet = true;
	return 0;
}

static int
set_full_name(struct options *o, const char *value, struct status *st)
{
	(void)st;
	o->full_name = value;
	return 0;
}

static int
set_sender(struct options *o, const char *value, struct status *st)
{
	(void)st;
	o->sender = value;
	return 0;
}

static int
set_aliases(struct options *o, const char *value, struct status *st)
{
	(void)value;
	(void)st;
	o->mode = MODE_ALIASES;
	return 0;
}

static int
set_ignore_dots(struct options *o, const char *value, struct status *st)
{
	(void)value;
	(void)st;
	o->ignore_dots = true;
	return 0;
}

static int
set_tag(struct options *o, const char *value, struct status *st)
{
	(void)st;
	o->tag = value;
	return 0;
}

static int
set_notify(struct options *o, const char *value, struct status *st)
{
	if (!dsn_is_notify(value)) {
		status_set(st, EX_USAGE, "-N %s is no DSN condition", value);
		return status_hint(st, "-N takes never, or a comma list of "
		    "success, failure, delay");
	}
	o->notify = value;
	return 0;
}

static int
set_delivery(struct options *o, const char *value)
{
	switch (value[0]) {
	case 'b':
		o->delivery = DELIVER_BACKGROUND;
		break;
	case 'q':
	case 'd':
		o->delivery = DELIVER_QUEUE;
		break;
	default:
		o->delivery = DELIVER_NOW;
	}
	return 0;
}

/* -oX: the single-letter options of sendmail's configuration file.  Those that
 * name files, directories, timeouts or macros are taken and ignored. */
static int
set_option(struct options *o, const char *value, struct status *st)
{
	bool off = value[0] != '\0' && strchr("fFnN0", value[1]) != NULL &&
	    value[1] != '\0';

	switch (value[0]) {
	case 'i':
		o->ignore_dots = !off;
		return 0;
	case 'v':
		o->verbose = !off;
		return 0;
	case 'd':
		return set_delivery(o, value + 1);
	case 'e':
		return set_error_mode(o, value + 1, st);
	default:
		return 0;
	}
}

static int
set_queue(struct options *o, const char *value, struct status *st)
{
	(void)st;
	o->mode = MODE_QUEUE_RUN;
	if (value[0] == 'I')
		o->queue_id = value + 1;
	else if (value[0] == 'R')
		o->queue_recipient = value + 1;
	else if (value[0] == 'S')
		o->queue_sender = value + 1;
	return 0;	/* an interval: run once, a timer does the rest */
}

static int
set_ret(struct options *o, const char *value, struct status *st)
{
	if (!dsn_is_ret(value)) {
		status_set(st, EX_USAGE, "-R %s is not full or hdrs", value);
		return status_hint(st, "-R full or -R hdrs, RFC 3461 4.3");
	}
	o->ret = value;
	return 0;
}

static int
set_header_recipients(struct options *o, const char *value, struct status *st)
{
	(void)value;
	(void)st;
	o->header_recipients = true;
	return 0;
}

static int
set_envid(struct options *o, const char *value, struct status *st)
{
	if (strlen(value) > DSN_ENVID_MAX)	/* before xtext */
		return status_set(st, EX_USAGE,
		    "-V takes at most %d characters", DSN_ENVID_MAX);
	o->envid = *value != '\0' ? value : NULL;
	return 0;
}

static int
set_verbose(struct options *o, const char *value, struct status *st)
{
	(void)value;
	(void)st;
	o->verbose = true;
	return 0;
}

static int
refuse(struct options *o, const char *value, struct status *st)
{
	(void)o;
	(void)value;
	return status_set(st, EX_USAGE, "this option is not supported");
}

static const struct flag flags[] = {
	{ 'A', VALUE, NULL, "ignored: there is one configuration" },
	{ 'B', VALUE, NULL, "body type 7BIT or 8BITMIME; otherwise ignored, "
	  "the message itself is looked at" },
	{ 'b', VALUE, set_mode, "mode: m, a (message), s (SMTP on stdin), p (list "
	  "the spool), i (proofread the alias file, and exit 0), v (verify "
	  "addresses), h, H, P (nothing)" },
	{ 'C', VALUE, NULL, "ignored: nobody chooses another configuration here" },
	{ 'c', ALONE, NULL, "ignored" },
	{ 'D', VALUE, NULL, "ignored: no debug file is ever opened" },
	{ 'd', ATTACHED, NULL, "ignored: debugging levels" },
	{ 'E', ALONE, NULL, "ignored" },
	{ 'e', VALUE, set_error_mode, "as -oe" },
	{ 'F', VALUE, set_full_name, "full name of the sender, where the message "
	  "has no From" },
	{ 'f', VALUE, set_sender, "envelope sender; '' or '<>' for none" },
	{ 'G', ALONE, NULL, "ignored: relayed mail is treated as any other" },
	{ 'h', VALUE, NULL, "ignored: hop count; Received fields are counted" },
	{ 'I', ALONE, set_aliases, "as -bi" },
	{ 'i', ALONE, set_ignore_dots, "a line with a single dot is text and does "
	  "not end the message" },
	{ 'J', ALONE, NULL, "ignored" },
	{ 'L', VALUE, set_tag, "tag for the log" },
	{ 'M', VALUE, NULL, "ignored: macros" },
	{ 'm', ALONE, NULL, "ignored: the sender is mailed too if he is named" },
	{ 'N', VALUE, set_notify, "when to send a delivery status notification: "
	  "never, or a list of success, failure, delay" },
	{ 'n', ALONE, NULL, "ignored: aliases are always looked up" },
	{ 'O', VALUE, NULL, "ignored: long options of sendmail.cf" },
	{ 'o', VALUE, set_option, "options of sendmail.cf: i, d, e, v as below; "
	  "all others are ignored" },
	{ 'p', VALUE, NULL, "ignored: receiving protocol" },
	{ 'Q', ATTACHED, refuse, "refused: quarantine" },
	{ 'q', ATTACHED, set_queue, "run the spool once: all, or with I, R, S the "
	  "messages whose id, recipient or sender contains what follows" },
	{ 'R', VALUE, set_ret, "what a notification returns: full or hdrs" },
	{ 'r', VALUE, set_sender, "as -f" },
	{ 'S', ATTACHED, refuse, "refused" },
	{ 's', ALONE, NULL, "ignored" },
	{ 'T', ATTACHED, NULL, "ignored: timeouts" },
	{ 't', ALONE, set_header_recipients, "recipients from To, Cc and Bcc too" },
	{ 'U', ALONE, NULL, "ignored: UTF-8 addresses always work" },
	{ 'V', VALUE, set_envid, "envelope identifier for notifications" },
	{ 'v', ALONE, set_verbose, "show the dialogue with the server on stderr, and "
	  "on a terminal how much of a large message has been sent" },
	{ 'X', VALUE, NULL, "ignored: no transcript is ever written to a file" },
	{ 'x', ALONE, NULL, "ignored" },
};

static const struct flag *
find_flag(char letter)
{
	size_t i;

	for (i = 0; i < sizeof flags / sizeof *flags; i++)
		if (flags[i].letter == letter)
			return &flags[i];
	return NULL;
}

/* A flag's argument ends up in a header field, the log or a command: no byte of
 * it may do anything there but stand for itself. */
static int
check_value(char letter, const char *value, struct status *st)
{
	const char *p;

	if (strlen(value) > OPTIONS_VALUE_MAX)
		return status_set(st, EX_USAGE,
		    "the argument of -%c is over %d octets long", letter,
		    OPTIONS_VALUE_MAX);
	for (p = value; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return status_set(st, EX_USAGE,
			    "control character in the argument of -%c", letter);
	return 0;
}

/* Vixie cron writes -or0s, others -or 0s: the next word belongs to it if it can
 * be nothing but a time.  -oMx always has one (macro and value). */
static bool
option_takes_word(const char *option, const char *word)
{
	const char *p = word;

	if (option[0] == 'M' && option[1] != '\0' && option[2] == '\0')
		return word != NULL;
	if (option[0] != 'r' || option[1] != '\0' || word == NULL)
		return false;
	while (isdigit((unsigned char)*p))
		p++;
	return p != word && strspn(p, "smhdw") == strlen(p);
}

/* Where we are in argv. */
struct cursor {
	char	**argv;
	int	  argc, next;
};

static char *
next_word(struct cursor *c)
{
	return c->next < c->argc ? c->argv[c->next++] : NULL;
}

/* One word of flags, "-ti" or "-fname". */
static int
parse_word(struct options *o, const char *word, struct cursor *c,
    bool administrator, struct status *st)
{
	const struct flag *f;
	const char *p, *value;

	for (p = word + 1; *p != '\0'; p++) {
		if ((f = find_flag(*p)) == NULL) {
			status_set(st, EX_USAGE, "unknown option -%c", *p);
			return status_hint(st, "see sendmail(8) for the options "
			    "there are; put -- before addresses that begin with -");
		}
		value = "";
		if (f->arity != ALONE)
			value = p + 1;
		if (f->arity == VALUE && *value == '\0' &&
		    (value = next_word(c)) == NULL)
			return status_set(st, EX_USAGE,
			    "option -%c needs an argument", *p);
		if (f->set != NULL &&
		    (check_value(f->letter, value, st) == -1 ||
		    f->set(o, value, st) == -1))
			return f->set == refuse ?
			    status_context(st, "-%c", f->letter) : -1;
		if (f->letter == 'o' && c->next < c->argc &&
		    option_takes_word(value, c->argv[c->next]))
			c->next++;
		if (f->letter == 'C' && administrator)
			o->config_file = value;
		if (f->arity != ALONE)
			break;
	}
	return 0;
}

static int
parse_long(struct options *o, const char *word, struct cursor *c,
    struct status *st)
{
	if (strcmp(word, "--account") != 0)
		return status_set(st, EX_USAGE, "unknown option %s", word);
	if ((o->account = next_word(c)) == NULL)
		return status_set(st, EX_USAGE, "--account needs a name");
	return 0;
}

int
options_parse(struct options *o, const char *name, bool administrator,
    int argc, char **argv, struct status *st)
{
	struct cursor c = { .argv = argv, .argc = argc, .next = 1 };
	bool only_recipients = false;
	char *word;
	int count = 1;

	*o = (struct options){ .mode = MODE_MESSAGE };
	if (strcmp(name, "mailq") == 0)
		o->mode = MODE_LIST;
	else if (strcmp(name, "newaliases") == 0)
		o->mode = MODE_ALIASES;
	while ((word = next_word(&c)) != NULL) {
		if (only_recipients || word[0] != '-' || word[1] == '\0')
			argv[count++] = word;
		else if (strcmp(word, "--") == 0)
			only_recipients = true;
		else if (administrator && strncmp(word, "--", 2) == 0) {
			if (parse_long(o, word, &c, st) == -1)
				return -1;
		} else if (parse_word(o, word, &c, administrator, st) == -1)
			return -1;
	}
	if (count < argc)
		argv[count] = NULL;
	o->recipients = argv + (argc > 0 ? 1 : 0);
	o->recipient_count = argc > 0 ? (size_t)count - 1 : 0;
	return 0;
}

const char *
options_describe(size_t i, char *letter, const char **argument)
{
	static const char *const forms[] = {
		[ALONE] = "", [ATTACHED] = "[ARG]", [VALUE] = " ARG"
	};

	if (i >= sizeof flags / sizeof *flags)
		return NULL;
	*letter = flags[i].letter;
	*argument = forms[flags[i].arity];
	return flags[i].purpose;
}
