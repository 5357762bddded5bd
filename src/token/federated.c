/* SPDX-License-Identifier: ISC
 *
 * federated-token-file: another identity provider's token is the assertion
 * (workload identity federation).  Read afresh for every request: it is
 * replaced all the time.
 */
#include "base/safefile.h"
#include "token/credential.h"

int
federated_ask(struct request *q, struct answer *a, struct status *st)
{
	struct buf assertion;
	int rc = -1;

	buf_init(&assertion, SECRET_MAX);
	/* Kubernetes projects it readable for all inside the pod: who may read
	 * is the pod's affair, who may write is ours. */
	if (secret_read(&assertion, q->app->federated_token_file, TRUST_CONFIG,
	    q->config, st) == 0)
		rc = endpoint_ask_assertion(q, assertion.data, a, st);
	buf_wipe(&assertion);
	return rc;
}
