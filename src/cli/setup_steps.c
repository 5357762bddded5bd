/* SPDX-License-Identifier: ISC
 *
 * What an administrator does in Entra and in Exchange Online PowerShell, as
 * Microsoft's pages have it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/setup.h"

#define EXCHANGE	"00000002-0000-0ff1-ce00-000000000000"
#define COMMAND_INDENT	5
#define PROSE_INDENT	3

/* What the steps are filled in with; text that PowerShell reads as one word. */
struct values {
	struct out	*out;
	const struct config *config;
	const struct account *account;
	const char	*oid;		/* or a placeholder */
	char		 mailbox[600];
	int		 step;
};

/* In single quotes unless it is plain; a quote is doubled (about_Quoting_Rules). */
static void
quote(char *to, size_t size, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._-";
	size_t n = 0;

	if (text[0] != '@' && text[0] != '-' &&
	    text[strspn(text, plain)] == '\0') {
		snprintf(to, size, "%s", text);
		return;
	}
	to[n++] = '\'';
	for (; *text != '\0' && n + 4 < size; text++) {
		if (*text == '\'')
			to[n++] = '\'';
		to[n++] = *text;
	}
	to[n++] = '\'';
	to[n] = '\0';
}

static void
step(struct values *v, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void
command(struct values *v, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
step(struct values *v, const char *format, ...)
{
	char text[1200];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	v->out->column = fprintf(v->out->to, "%d. ", ++v->step);
	out_wrap(v->out, PROSE_INDENT, text);
}

/* A line of PowerShell, continued with a back-tick before an option where it is
 * too long for the screen. */
static void
command(struct values *v, const char *format, ...)
{
	char text[1200];
	const char *s = text, *next;
	int column, width;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	column = fprintf(v->out->to, "%*s", COMMAND_INDENT, "");
	while (*s != '\0') {
		next = strstr(s + 1, " -");
		width = (int)(next != NULL ? (size_t)(next - s) : strlen(s));
		if (*s == ' ' && column + width + 2 > OUT_WIDTH)
			column = fprintf(v->out->to, " `\n%*s",
			    COMMAND_INDENT + 3, "") - 3;
		fwrite(s, 1, (size_t)width, v->out->to);
		column += width;
		s += width;
	}
	fputc('\n', v->out->to);
}

static void
heading(struct values *v, const char *text)
{
	fputc('\n', v->out->to);
	out_wrap(v->out, 0, text);
	fputc('\n', v->out->to);
	v->step = 0;
}

/* What the app proves itself with, and where that is given. */
static void
print_credential(struct values *v)
{
	const struct app *app = v->account->app;

	switch (app->credential) {
	case CREDENTIAL_SECRET:
		step(v, "Certificates & secrets, New client secret: put its "
		    "Value (not its Secret ID, and it is shown once) into %s, "
		    "owner root, group mailbearer, mode 0640. Set "
		    "client-secret-expires to be warned.",
		    app->secret_files[0]);
		break;
	case CREDENTIAL_CERTIFICATE:
		step(v, "Certificates & secrets, Certificates, Upload: the "
		    "certificate of %s without its key.", app->certificate);
		break;
	case CREDENTIAL_FEDERATED:
		step(v, "Certificates & secrets, Federated credentials: add the "
		    "issuer and subject of the tokens in %s.",
		    app->federated_token_file);
		break;
	case CREDENTIAL_DELEGATED:
		step(v, "Authentication, Advanced settings: Allow public client "
		    "flows, Yes. There is no secret.");
		break;
	case CREDENTIAL_MANAGED_IDENTITY:
	case CREDENTIAL_COMMAND:
		break;
	}
}

static void
print_service_principal(struct values *v, const char *why_not)
{
	command(v, "Connect-ExchangeOnline -Organization %s",
	    v->account->app->tenant != NULL ? v->account->app->tenant :
	    "TENANT");
	command(v, "New-ServicePrincipal -AppId %s -ObjectId %s "
	    "-DisplayName mailbearer", v->account->app->client_id != NULL ?
	    v->account->app->client_id : "APP-ID", v->oid);
	if (why_not == NULL) {
		out_wrap(v->out, PROSE_INDENT, "The object id is the Enterprise "
		    "Application's, taken from a token that this app just got.");
		return;
	}
	out_wrap(v->out, PROSE_INDENT, "OBJECT-ID is the object id of the "
	    "Enterprise Application (Entra, Enterprise applications, the app, "
	    "Overview), not the one under App registrations: the other is the "
	    "most frequent cause of 535 5.7.3. It could not be filled in:");
	out_wrap(v->out, PROSE_INDENT, why_not);
}

static void
print_entra(struct values *v, const char *permission)
{
	const struct app *app = v->account->app;

	if (app->credential == CREDENTIAL_MANAGED_IDENTITY) {
		step(v, "A managed identity needs no app registration; its "
		    "permission is given with Graph PowerShell "
		    "(New-MgServicePrincipalAppRoleAssignment). That managed "
		    "identities may send by SMTP is not documented.");
		return;
	}
	step(v, "https://entra.microsoft.com, App registrations: the app with "
	    "the Application (client) ID %s, single tenant.",
	    app->client_id != NULL ? app->client_id : "APP-ID");
	print_credential(v);
	if (permission != NULL)
		step(v, "API permissions, Add, APIs my organization uses, Office "
		    "365 Exchange Online (" EXCHANGE "), %s. Then: Grant admin "
		    "consent.", permission);
}

static void
print_mailbox_switch(struct values *v)
{
	command(v, "Set-CASMailbox -Identity %s "
	    "-SmtpClientAuthenticationDisabled $false", v->mailbox);
}

static void
print_check(struct values *v)
{
	step(v, "Here: mailbearer check %s. What was changed in Exchange Online "
	    "takes 30 to 60 minutes to count, sometimes longer.",
	    v->account->name);
}

/* exchange-online.md 6.1 */
static void
print_classic(struct values *v, const char *why_not)
{
	heading(v, "The usual way: SMTP.SendAsApp and rights on the mailbox");
	print_entra(v, "Application permissions, SMTP.SendAsApp");
	step(v, "Exchange Online PowerShell, once for the app:");
	print_service_principal(v, why_not);
	step(v, "Once for each mailbox:");
	command(v, "$sp = Get-ServicePrincipal | Where-Object AppId -eq %s",
	    v->account->app->client_id != NULL ? v->account->app->client_id :
	    "APP-ID");
	command(v, "Add-MailboxPermission -Identity %s -User $sp.Identity "
	    "-AccessRights FullAccess", v->mailbox);
	print_mailbox_switch(v);
	out_wrap(v->out, PROSE_INDENT, "Without FullAccess the login works and "
	    "the message fails (430 4.2.0).");
	step(v, "Only where From may be another address than the mailbox's own "
	    "(send-as):");
	command(v, "Add-RecipientPermission -Identity %s -Trustee $sp.Identity "
	    "-AccessRights SendAs -Confirm:$false", v->mailbox);
	print_check(v);
}

/* exchange-online.md 6.3 */
static void
print_rbac(struct values *v, const char *why_not)
{
	heading(v, "The narrower way: RBAC for Applications, for the mailboxes "
	    "of one group");
	print_entra(v, NULL);
	step(v, "Do not give the app SMTP.SendAsApp in Entra: it would be held "
	    "to rights on the mailbox again. Its token has no roles then, and "
	    "that is right.");
	step(v, "Exchange Online PowerShell, with the mailbox in a group:");
	print_service_principal(v, why_not);
	command(v, "$dn = (Get-Group -Identity 'GROUP').DistinguishedName");
	command(v, "New-ManagementScope -Name 'mailbearer' "
	    "-RecipientRestrictionFilter \"MemberOfGroup -eq '$dn'\"");
	command(v, "New-ManagementRoleAssignment -Name 'mailbearer' "
	    "-Role 'Application SMTP.SendAsApp' -App %s "
	    "-CustomResourceScope 'mailbearer'", v->oid);
	print_mailbox_switch(v);
	print_check(v);
}

/* exchange-online.md 6.2 */
static void
print_delegated(struct values *v)
{
	heading(v, "Delegated: a user signs in once");
	print_entra(v, "Delegated permissions, SMTP.Send");
	step(v, "Exchange Online PowerShell:");
	print_mailbox_switch(v);
	step(v, "Here: mailbearer login %s, and sign in as %s.",
	    v->account->name, v->account->mailbox);
	print_check(v);
}

static void
print_high_volume(struct values *v, const char *why_not)
{
	heading(v, "High Volume Email: to recipients in the tenant only");
	print_entra(v, "Application permissions, Mail.Send (of Exchange Online, "
	    "not of Graph, and not SMTP.SendAsApp)");
	step(v, "Exchange Online PowerShell:");
	command(v, "Add-HVEAppAccess -Identity %s -AppIds %s", v->mailbox,
	    v->oid);
	out_wrap(v->out, PROSE_INDENT, why_not != NULL ? "OBJECT-ID is the "
	    "object id of the Enterprise Application." : "The id is the "
	    "Enterprise Application's object id, from a token.");
	print_check(v);
}

static void
print_communication_services(struct values *v)
{
	heading(v, "Azure Communication Services Email");
	print_entra(v, NULL);
	step(v, "Azure portal, the Communication Services resource, Access "
	    "control: give the app a role with Microsoft.Communication/"
	    "CommunicationServices/Read and EmailServices/Write.");
	step(v, "There too: SMTP Usernames, one for the app; it is auth-user "
	    "here. The mailbox must be a MailFrom address of a verified domain "
	    "that is connected.");
	print_check(v);
}

/* exchange-online.md 4 */
static void
print_without_token(struct values *v)
{
	const char *preset = v->account->preset;

	if (strcmp(preset, "relay") == 0) {
		heading(v, "Relay by connector: by address or certificate of "
		    "this host");
		step(v, "Exchange Online PowerShell, by certificate (its name "
		    "or the sender's domain must be an accepted domain) ...");
		command(v, "New-InboundConnector -Name mailbearer "
		    "-ConnectorType OnPremises -SenderDomains * "
		    "-RequireTls $true -TlsSenderCertificateName NAME");
		step(v, "... or by the fixed public address of this host:");
		command(v, "New-InboundConnector -Name mailbearer "
		    "-ConnectorType OnPremises -SenderDomains * "
		    "-RequireTls $true -SenderIPAddresses ADDRESS");
	} else if (strcmp(preset, "direct-send") == 0) {
		heading(v, "Direct Send: to the tenant's own recipients only");
		step(v, "Nothing has to be set up. It fails with 5.7.68 where "
		    "RejectDirectSend is on:");
		command(v, "Get-OrganizationConfig | fl RejectDirectSend");
	} else {
		heading(v, "A server that takes a password or nothing: there is "
		    "nothing to set up at Microsoft's.");
		step(v, "Here: mailbearer check %s.", v->account->name);
		return;
	}
	print_check(v);
}

void
setup_steps(struct out *o, const struct config *c, const struct account *a,
    const char *oid, const char *why_not)
{
	struct values v = { .out = o, .config = c, .account = a,
	    .oid = oid != NULL ? oid : "OBJECT-ID" };

	quote(v.mailbox, sizeof v.mailbox, a->mailbox);
	fprintf(o->to, "Account %s sends from %s.\n", a->name, a->mailbox);
	if (a->app == NULL)
		print_without_token(&v);
	else if (strcmp(a->preset, "high-volume-email") == 0)
		print_high_volume(&v, why_not);
	else if (strcmp(a->preset, "azure-communication-services") == 0)
		print_communication_services(&v);
	else if (a->app->credential == CREDENTIAL_DELEGATED)
		print_delegated(&v);
	else {
		print_classic(&v, why_not);
		print_rbac(&v, why_not);
	}
}
