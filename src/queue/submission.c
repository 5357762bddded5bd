/* SPDX-License-Identifier: ISC */
#include "queue/submission.h"

#include <stdlib.h>

void
submission_release(struct submission *s)
{
	message_release(&s->message);
	envelope_release(&s->envelope);
	free(s->account);
	free(s->charset);
	free(s->tag);
	s->account = s->charset = s->tag = NULL;
}
