/* SPDX-License-Identifier: ISC
 *
 * Answers of the token endpoint.
 */
#include "diagnose/catalogue.h"

#define ENTRA(aadsts, outcome, loud, cause, fix) \
	{ AT(TOKEN), 0, NULL, NULL, aadsts, NULL, outcome, loud, cause, fix }
#define OAUTH(http, error, outcome, loud, cause, fix) \
	{ AT(TOKEN), http, NULL, NULL, 0, error, outcome, loud, cause, fix }

/* By what an identity endpoint of Azure says: its `error`, if any, tells less. */
#define SAYS(words, outcome, loud, cause, fix) \
	{ AT(TOKEN), 400, NULL, words, 0, NULL, outcome, loud, cause, fix }

#define FIX_CLIENT_ID	"check client-id and tenant: both are on the app's Overview " \
			"page in Entra, as is the right cloud"
#define FIX_TENANT	"check tenant (the id or a verified domain) and cloud"
#define FIX_CONSENT	"give app {client-id} SMTP.SendAsApp of Office 365 Exchange " \
			"Online as an application permission, with admin consent"
#define FIX_SCOPE	"remove scope, or set it to https://outlook.office365.com/.default"
#define FIX_LOGIN	"sign in again: mailbearer login; an app-only credential (" \
			"certificate) never needs this"
#define FIX_CERTIFICATE	"upload the certificate to app {client-id} (Certificates & " \
			"secrets) and compare the thumbprint in the server's words"
#define FIX_IDENTITY	"assign the identity to this machine in Azure, or correct " \
			"client-id; without one the machine's own is meant"
#define FIX_FEDERATED	"compare issuer, subject and audience of the federated " \
			"credential with those in the token file; letter case counts"

static const struct diagnosis token_rows[] = {
	ENTRA(7000215, PERMISSION, LOUD, "the client secret is wrong",
	    "put the secret's Value, not its Secret ID, into client-secret-file; "
	    "a new secret may take some minutes to work"),
	ENTRA(7000222, PERMISSION, LOUD, "the client secret has expired",
	    "make a new secret for app {client-id} in Entra, or use a certificate"),
	ENTRA(7000218, PERMISSION, LOUD, "no secret and no assertion was sent",
	    "give the app a credential in mailbearer.conf"),
	ENTRA(700025, PERMISSION, LOUD, "the app is registered as a public client",
	    "switch off public client flows for app {client-id}"),
	ENTRA(700016, PERMISSION, LOUD, "the app does not exist in this tenant",
	    FIX_CLIENT_ID),
	ENTRA(700011, PERMISSION, LOUD, "the app does not exist in this tenant",
	    FIX_CLIENT_ID),
	ENTRA(70001, PERMISSION, LOUD, "the app does not exist in this tenant",
	    FIX_CLIENT_ID),
	ENTRA(7000229, PERMISSION, LOUD, "the app has no service principal here",
	    "az ad sp create --id {client-id}, or open the app once in the portal"),
	ENTRA(7000112, PERMISSION, LOUD, "the app is disabled",
	    "enable sign-in of the Enterprise Application of {client-id}"),
	ENTRA(90002, PERMISSION, LOUD, "there is no such tenant", FIX_TENANT),
	ENTRA(90038, PERMISSION, LOUD, "the tenant is in another cloud",
	    "set cloud to the tenant's cloud"),
	ENTRA(900382, PERMISSION, LOUD, "the tenant is in another cloud",
	    "set cloud to the tenant's cloud"),
	ENTRA(900432, PERMISSION, LOUD, "the tenant is in another cloud",
	    "set cloud to the tenant's cloud"),
	ENTRA(9001023, PERMISSION, LOUD, "common is no tenant for an app",
	    "set tenant to the tenant's id"),
	ENTRA(1002012, PERMISSION, LOUD, "the scope is not valid for an app",
	    FIX_SCOPE),
	ENTRA(70011, PERMISSION, LOUD, "the scope is not valid", FIX_SCOPE),
	ENTRA(28002, PERMISSION, LOUD, "the scope is not valid", FIX_SCOPE),
	ENTRA(500011, PERMISSION, LOUD,
	    "the tenant does not know the resource of the scope",
	    "check scope and cloud, and that the tenant has Exchange Online"),
	ENTRA(50001, PERMISSION, LOUD,
	    "the tenant does not know the resource of the scope",
	    "check scope and cloud, and that the tenant has Exchange Online"),
	ENTRA(65001, PERMISSION, LOUD, "nobody has consented to the permission",
	    FIX_CONSENT),
	ENTRA(650052, PERMISSION, LOUD, "the tenant lacks the service asked for",
	    "check that the tenant has Exchange Online"),
	ENTRA(650056, PERMISSION, LOUD, "consent or permission is missing",
	    FIX_CONSENT),
	ENTRA(650057, PERMISSION, LOUD, "consent or permission is missing",
	    FIX_CONSENT),
	ENTRA(700027, PERMISSION, LOUD,
	    "the signature is not by a certificate of this app", FIX_CERTIFICATE),
	ENTRA(50012, PERMISSION, LOUD,
	    "the signature is not by a certificate of this app", FIX_CERTIFICATE),
	ENTRA(700030, PERMISSION, LOUD, "the certificate's subject is not accepted",
	    FIX_CERTIFICATE),
	ENTRA(700024, PERMISSION, LOUD, "the assertion is outside its time",
	    "set this host's clock (NTP); for a federated token, see that its file "
	    "is renewed"),
	ENTRA(5002730, PERMISSION, LOUD, "the key cannot be used with PS256",
	    "set assertion-algorithm = RS256"),
	ENTRA(700211, PERMISSION, LOUD, "no federated credential has this issuer",
	    FIX_FEDERATED),
	ENTRA(700213, PERMISSION, LOUD, "no federated credential has this subject",
	    FIX_FEDERATED),
	ENTRA(70021, PERMISSION, LOUD, "no federated credential matches",
	    FIX_FEDERATED),
	ENTRA(7002137, PERMISSION, LOUD, "no federated credential matches",
	    FIX_FEDERATED),
	ENTRA(7002138, PERMISSION, LOUD, "no federated credential matches",
	    FIX_FEDERATED),
	ENTRA(53003, POLICY, LOUD, "Conditional Access refused the app",
	    "allow this host's address in the policy for workload identities"),
	ENTRA(53000, POLICY, LOUD, "Conditional Access refused the sign-in",
	    "see the sign-in log in the Entra admin center"),
	ENTRA(53001, POLICY, LOUD, "Conditional Access refused the sign-in",
	    "see the sign-in log in the Entra admin center"),
	ENTRA(53002, POLICY, LOUD, "Conditional Access refused the sign-in",
	    "see the sign-in log in the Entra admin center"),
	ENTRA(530032, POLICY, LOUD, "security policy refused the sign-in",
	    "see the sign-in log in the Entra admin center"),
	ENTRA(530035, POLICY, LOUD, "security defaults refused the sign-in",
	    "see the sign-in log in the Entra admin center"),
	ENTRA(50034, PERMISSION, LOUD, "the user does not exist", FIX_LOGIN),
	ENTRA(50126, PERMISSION, LOUD, "user name or password is wrong", FIX_LOGIN),
	ENTRA(50055, PERMISSION, LOUD, "the user's password has expired", FIX_LOGIN),
	ENTRA(50057, PERMISSION, LOUD, "the user is disabled",
	    "enable the user in Entra"),
	ENTRA(50053, WAIT(ACCOUNT), LOUD, "the user is locked for a while",
	    "wait, and find who tries wrong passwords"),
	ENTRA(50076, POLICY, LOUD, "a second factor is wanted", FIX_LOGIN),
	ENTRA(50078, POLICY, LOUD, "the second factor has expired", FIX_LOGIN),
	ENTRA(50079, POLICY, LOUD, "a second factor must be set up", FIX_LOGIN),
	ENTRA(50173, PERMISSION, LOUD, "the sign-in was revoked", FIX_LOGIN),
	ENTRA(70043, PERMISSION, LOUD, "the sign-in has grown too old", FIX_LOGIN),
	ENTRA(700082, PERMISSION, LOUD, "the refresh token has expired", FIX_LOGIN),
	ENTRA(70008, PERMISSION, LOUD, "the refresh token has expired", FIX_LOGIN),
	ENTRA(70000, PERMISSION, LOUD, "the refresh token is not valid", FIX_LOGIN),
	ENTRA(50196, WAIT(ACCOUNT), LOUD, "Entra sees a client that asks in a loop",
	    "wait; find what asks so often for app {client-id} on other hosts"),
	ENTRA(90055, WAIT(ACCOUNT), LOUD, "the tenant is throttled",
	    "wait; find the app that floods the tenant"),
	ENTRA(90033, WAIT(ACCOUNT), QUIET, "Entra is busy", "nothing: it passes"),
	ENTRA(90006, WAIT(ACCOUNT), QUIET, "Entra is busy", "nothing: it passes"),
	ENTRA(90012, WAIT(ACCOUNT), QUIET, "Entra is busy", "nothing: it passes"),
	ENTRA(90024, WAIT(ACCOUNT), QUIET, "Entra is busy", "nothing: it passes"),
	ENTRA(90090, WAIT(ACCOUNT), QUIET, "Entra is busy", "nothing: it passes"),
	ENTRA(50033, WAIT(ACCOUNT), QUIET, "Entra is busy", "nothing: it passes"),
	ENTRA(50087, WAIT(ACCOUNT), QUIET, "Entra is busy", "nothing: it passes"),
	ENTRA(50000, WAIT(ACCOUNT), LOUD, "Entra has a fault",
	    "if it lasts, open a support case with the correlation id"),
	ENTRA(90036, WAIT(ACCOUNT), LOUD, "Entra has a fault",
	    "if it lasts, open a support case with the correlation id"),

	/* RFC 6749 5.2 and what Entra adds; HTTP where there is no JSON. */
	OAUTH(0, "temporarily_unavailable", WAIT(ACCOUNT), QUIET,
	    "the token endpoint is busy", "nothing: it passes"),
	OAUTH(0, "request_timeout", WAIT(ACCOUNT), QUIET,
	    "the token endpoint is busy", "nothing: it passes"),
	OAUTH(429, NULL, WAIT(ACCOUNT), QUIET,
	    "the token endpoint has been asked too often",
	    "nothing: it is asked again when it allows; find what else asks for "
	    "tokens of app {client-id}"),
	OAUTH(408, NULL, WAIT(ACCOUNT), QUIET, "the token endpoint is slow",
	    "nothing: it passes"),
	OAUTH(410, NULL, WAIT(ACCOUNT), QUIET,
	    "the identity endpoint of this machine is being updated",
	    "nothing: it takes a minute or so"),
	OAUTH(500, NULL, WAIT(ACCOUNT), QUIET, "the token endpoint has a fault",
	    "nothing: it passes; if it lasts, see Microsoft's service status"),
	/* IMDS; App Service, in two ways. */
	SAYS("Identity not found", PERMISSION, LOUD,
	    "this machine has no such managed identity", FIX_IDENTITY),
	SAYS("no managed identity", PERMISSION, LOUD,
	    "this machine has no such managed identity", FIX_IDENTITY),
	SAYS("Managed Identity found", PERMISSION, LOUD,
	    "this machine has no such managed identity", FIX_IDENTITY),
	OAUTH(0, "invalid_client", PERMISSION, LOUD,
	    "the app's credential is not accepted",
	    "check client-id and the credential of the app"),
	OAUTH(0, "unauthorized_client", PERMISSION, LOUD,
	    "the app may not ask for tokens this way", FIX_CLIENT_ID),
	OAUTH(0, "invalid_scope", PERMISSION, LOUD, "the scope is not valid",
	    FIX_SCOPE),
	OAUTH(0, "invalid_resource", PERMISSION, LOUD, "the scope is not valid",
	    FIX_SCOPE),
	OAUTH(0, "invalid_grant", PERMISSION, LOUD,
	    "the sign-in is no longer valid", FIX_LOGIN),
	OAUTH(0, "interaction_required", POLICY, LOUD, "a person must sign in",
	    FIX_LOGIN),
	OAUTH(0, "invalid_request", PERMISSION, LOUD,
	    "the token endpoint did not understand the request",
	    "check tenant, client-id and scope"),
	OAUTH(0, "unsupported_grant_type", PERMISSION, LOUD,
	    "the token endpoint does not know this kind of request",
	    "check authority and token-endpoint"),
	OAUTH(404, NULL, PERMISSION, LOUD, "there is no token endpoint there",
	    "check tenant, authority and token-endpoint"),
	OAUTH(300, NULL, PERMISSION, LOUD, "the token endpoint redirects",
	    "check authority: a proxy or portal may stand in between"),
	OAUTH(400, NULL, PERMISSION, LOUD, "the token endpoint refuses",
	    "read its words"),
	OAUTH(0, NULL, WAIT(ACCOUNT), LOUD,
	    "the token endpoint's answer makes no sense",
	    "check authority and proxy: something else may have answered"),
};

const struct catalogue catalogue_token = {
	token_rows, sizeof token_rows / sizeof *token_rows
};
