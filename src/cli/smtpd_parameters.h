/* SPDX-License-Identifier: ISC
 *
 * What stands behind MAIL and RCPT with -bs: the path, and the parameters of
 * RFC 1870, 3461, 4954, 6152 and 6531.  Nothing that is not checked here gets
 * into a command of ours.
 */
#ifndef SMTPD_PARAMETERS_H
#define SMTPD_PARAMETERS_H

#include <stdint.h>

#include "mail/envelope.h"

struct smtpd_parameters {
	int64_t	 max_size;	/* what SIZE may say; survives a reset */
	char	*envid;
	char	 ret[8], notify[32];
};

/* Splits "KEYWORD:<path> PARAMETERS", the blank behind the colon and the
 * brackets optional.  Returns the parameters, NULL if that is not how `args`
 * begins; *path is ended in place. */
char	*smtpd_split_path(char *args, const char *keyword, char **path);
enum smtpd_verb { SMTPD_MAIL = 1, SMTPD_RCPT = 2 };

/* Takes in those of one command; `text` is cut to pieces.  NULL, or the reply
 * that refuses. */
const char *smtpd_parameters_take(struct smtpd_parameters *p,
	    enum smtpd_verb verb, char *text);
/* Over what the command line asked for. */
void	smtpd_parameters_apply(const struct smtpd_parameters *p,
	    struct envelope *e);
void	smtpd_parameters_reset(struct smtpd_parameters *p);

#endif
