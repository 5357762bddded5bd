/* SPDX-License-Identifier: ISC
 *
 * Replies of the submission server.
 */
#include "diagnose/catalogue.h"

/* Stages in which a row holds. */
#define ANYWHERE	0u
#define BEFORE_MAIL	(AT(CONNECT) | AT(EHLO) | AT(STARTTLS) | AT(AUTH))

/* Of one sender's address: any caller can name one that send-as lets through and
 * the server does not, and the account must not pause for that. */
#define SENDER		CLASS_CONFIG, SCOPE_MESSAGE, EX_NOPERM
#define SENDER_POLICY	CLASS_POLICY, SCOPE_MESSAGE, EX_NOPERM
#define TRANSPORT	CLASS_CONFIG, SCOPE_SESSION, EX_PROTOCOL
#define NO_USER		CLASS_RECIPIENT, SCOPE_RECIPIENT, EX_NOUSER
#define NO_HOST		CLASS_RECIPIENT, SCOPE_RECIPIENT, EX_NOHOST
#define BAD_MESSAGE	CLASS_MESSAGE, SCOPE_MESSAGE, EX_DATAERR
#define REFUSED		CLASS_MESSAGE, SCOPE_MESSAGE, EX_UNAVAILABLE
/* Said to one RCPT, of what the administrator mends: its mail waits for that, but
 * others may fare better, and the account must not pause for it. */
#define FOR_RCPT(class)	class, SCOPE_RECIPIENT, EX_NOPERM
#define REFUSED_RCPT	CLASS_RECIPIENT, SCOPE_RECIPIENT, EX_UNAVAILABLE

#define SMTP(stages, reply, enhanced, words, outcome, loud, cause, fix) \
	{ stages, reply, enhanced, words, 0, NULL, outcome, loud, cause, fix }

#define FIX_SMTP_AUTH \
	"in Exchange Online PowerShell: Set-CASMailbox -Identity {mailbox} " \
	"-SmtpClientAuthenticationDisabled $false (it overrides the " \
	"organisation's switch); allow an hour"
#define FIX_MECHANISM \
	"set auth to one that the server offers and takes (sendmail -v shows what " \
	"it offers); Exchange Online takes xoauth2"
#define FIX_SEND_AS \
	"list only addresses of the mailbox in send-as, or grant it: " \
	"Add-RecipientPermission -Identity {from} -Trustee {mailbox} " \
	"-AccessRights SendAs -Confirm:$false"
#define FIX_CONNECTOR \
	"Set-InboundConnector <connector> -SenderIPAddresses <this host's " \
	"public address>, or -TlsSenderCertificateName; the sender's domain " \
	"must be an accepted domain"
#define FIX_REGION \
	"set host to <your-domain-with-dashes>.mail.protection.outlook.com"
#define FIX_DIVIDE \
	"nothing: the rest goes in the next one; if it lasts, lower max-recipients"
#define FIX_RELAY \
	"have it relay for this host's address, or set auth for this account, and " \
	"what that needs"
#define FIX_SENDER \
	"its words say what is wrong with that address: check mailbox, send-as " \
	"and -f"
#define FIX_HOSTNAME	"set hostname to this host's full name"
#define FIX_BLOCKED \
	"see the list that it names, and have the address taken off it"
#define FIX_BANNED	"ask at https://sender.office.com"
#define FIX_CLEAR \
	"set tls = starttls and check that no firewall or mail proxy strips " \
	"STARTTLS on the way"
#define FIX_OAUTH \
	"set auth = xoauth2 and an app for this account: see mailbearer.conf(5)"

/* What a server says to a host that it does not serve, but often not before RCPT:
 * then it may serve others, and if not, all that waits is put off and none of it
 * given up. */
#define UNSERVED(class, words, cause, fix) \
	SMTP(BEFORE_MAIL, 500, NULL, words, FOR_ALL(class), LOUD, cause, fix), \
	SMTP(ANYWHERE, 500, NULL, words, FOR_RCPT(class), LOUD, cause, fix), \
	SMTP(ANYWHERE, 400, NULL, words, WAIT(RECIPIENT), LOUD, cause, fix)
#define NO_RELAY(words) \
	UNSERVED(CLASS_CONFIG, words, \
	    "the server does not relay for this host", FIX_RELAY)

static const struct diagnosis smtp_rows[] = {
	/* The connection, whatever the stage. */
	SMTP(ANYWHERE, 421, "4.7.66", NULL, TRANSPORT, LOUD,
	    "the server wants TLS 1.2 or newer",
	    "set tls-minimum = 1.2 (the default) and check that nothing between "
	    "here and the server downgrades TLS"),
	/* Exchange says "451 5.7.3", which is no enhanced code of a 4yz reply (RFC
	 * 2034 4) and comes as words; who asks with half a line has it only. */
	SMTP(ANYWHERE, 451, NULL, "STARTTLS is required", TRANSPORT, LOUD,
	    "the server got the command without TLS", FIX_CLEAR),
	SMTP(ANYWHERE, 451, "5.7.3", NULL, TRANSPORT, LOUD,
	    "the server got the command without TLS", FIX_CLEAR),
	SMTP(ANYWHERE, 530, NULL, "STARTTLS", TRANSPORT, LOUD,
	    "the server got the command without TLS", FIX_CLEAR),
	SMTP(ANYWHERE, 432, "4.3.2", NULL, WAIT(ACCOUNT), QUIET,
	    "more than three connections send for this mailbox at once",
	    "nothing: it is sent again in a moment; hosts that share {mailbox} "
	    "set max-connections to their share of three"),

	/* AUTH: section 2.2 of the facts. */
	SMTP(ANYWHERE, 535, "5.7.139", "disabled for the Tenant", PERMISSION, LOUD,
	    "SMTP AUTH is switched off for the organisation, for OAuth too",
	    FIX_SMTP_AUTH),
	SMTP(ANYWHERE, 535, "5.7.139", "disabled for the Mailbox", PERMISSION, LOUD,
	    "SMTP AUTH is switched off for this mailbox, for OAuth too",
	    FIX_SMTP_AUTH),
	SMTP(ANYWHERE, 535, "5.7.139", "basic authentication is disabled",
	    PERMISSION, LOUD,
	    "an authentication policy forbids passwords", FIX_OAUTH),
	SMTP(ANYWHERE, 535, "5.7.139", "credentials were incorrect", PERMISSION,
	    LOUD, "the password is wrong", FIX_OAUTH),
	SMTP(ANYWHERE, 535, "5.7.139", "did not meet the criteria", POLICY, LOUD,
	    "Conditional Access, multi-factor rules or the SMTP AUTH switch "
	    "refused the sign-in",
	    "open the sign-in log in the Entra admin center, find the policy, "
	    "and exempt the app or mailbox {mailbox}"),
	SMTP(ANYWHERE, 535, "5.7.139", "security defaults", POLICY, LOUD,
	    "the organisation's security defaults lock this user out",
	    "use an app (auth = xoauth2), or turn security defaults off in Entra"),
	SMTP(ANYWHERE, 535, "5.7.139", "organization configuration", PERMISSION,
	    LOUD, "the organisation does not allow this kind of sign-in",
	    "for High Volume Email: allow SMTP in the authentication policy, "
	    "or use OAuth with Add-HVEAppAccess"),
	SMTP(ANYWHERE, 535, "5.7.139", "STS URL", PERMISSION, LOUD,
	    "your federation server's address is not https",
	    "repair the federation settings, or use an app (auth = xoauth2)"),
	SMTP(ANYWHERE, 535, "5.7.139", "federated STS", WAIT(ACCOUNT), LOUD,
	    "your federation server could not be reached by Microsoft",
	    "repair the federation server, or use an app (auth = xoauth2)"),
	SMTP(ANYWHERE, 535, "5.7.142", NULL, WAIT(ACCOUNT), QUIET,
	    "the token is about to expire", "set token-margin = 600s"),
	SMTP(ANYWHERE, 535, "5.7.143", NULL, WAIT(ACCOUNT), LOUD,
	    "the token has expired", "check this host's clock"),
	SMTP(ANYWHERE, 535, "5.7.144", NULL, PERMISSION, LOUD,
	    "the token lacks the permission that High Volume Email wants",
	    "give app {client-id} the application permission Mail.Send of "
	    "Office 365 Exchange Online, with admin consent"),
	SMTP(ANYWHERE, 535, "5.7.139", NULL, PERMISSION, LOUD,
	    "Exchange Online's policy refused the sign-in", FIX_SMTP_AUTH),
	SMTP(ANYWHERE, 535, "5.7.3", NULL, PERMISSION, LOUD,
	    "Exchange Online does not accept this token for this mailbox",
	    "let mailbearer check tell why; or see, in this order: the app's "
	    "service principal in Exchange "
	    "(Get-ServicePrincipal | fl AppId,ObjectId: ObjectId must be the one "
	    "of the Enterprise Application), the permission SMTP.SendAsApp with "
	    "admin consent, and Add-MailboxPermission -Identity {mailbox} -User "
	    "<service principal> -AccessRights FullAccess"),
	SMTP(ANYWHERE, 550, "5.7.30", NULL, PERMISSION, LOUD,
	    "Exchange Online takes no passwords any more", FIX_OAUTH),
	SMTP(ANYWHERE, 501, "5.5.127", NULL, WAIT(ACCOUNT), QUIET,
	    "High Volume Email wants tokens with ten minutes left",
	    "set token-margin = 600s or preset = high-volume-email"),
	SMTP(ANYWHERE, 501, "5.5.12*", NULL, PERMISSION, LOUD,
	    "High Volume Email could not use the token",
	    "check the app's access: Add-HVEAppAccess -Identity {mailbox} "
	    "-AppIds <Enterprise Application object id>"),
	SMTP(ANYWHERE, 550, "5.7.240", NULL, PERMISSION, LOUD,
	    "the app may not use this High Volume Email account",
	    "Add-HVEAppAccess -Identity {mailbox} -AppIds <Enterprise "
	    "Application object id>"),
	SMTP(ANYWHERE, 451, "4.7.0", "PRX", WAIT(SESSION), QUIET,
	    "the front end could not reach the mailbox's server",
	    "nothing at first; if it lasts for hours, check that {mailbox} has a "
	    "licence and SMTP AUTH switched on"),
	SMTP(AT(AUTH), 454, NULL, NULL, WAIT(SESSION), QUIET,
	    "the server cannot check credentials just now", "nothing: it passes"),
	SMTP(AT(AUTH), 504, NULL, NULL, PERMISSION, LOUD,
	    "the server does not know this way to authenticate", FIX_MECHANISM),
	SMTP(ANYWHERE, 504, "5.7.4", NULL, PERMISSION, LOUD,
	    "the server does not know this way to authenticate", FIX_MECHANISM),
	/* After a failed AUTH, which it quotes. */
	SMTP(ANYWHERE, 530, "5.7.57", "SmtpClientAuthentication is disabled",
	    PERMISSION, LOUD, "SMTP AUTH is switched off, for OAuth too",
	    FIX_SMTP_AUTH),
	SMTP(ANYWHERE, 530, "5.7.57", NULL, PERMISSION, LOUD,
	    "the server takes mail from authenticated clients only",
	    "set auth = xoauth2 for this account; for relay without "
	    "authentication use preset = relay and its host"),

	/* The message as a whole: sections 2.3 and 2.4. */
	SMTP(ANYWHERE, 430, "4.2.0", "logon failure", WAIT(ACCOUNT), LOUD,
	    "the app may sign in but has no rights on the mailbox",
	    "Add-MailboxPermission -Identity {mailbox} -User <service principal> "
	    "-AccessRights FullAccess; a new grant takes up to an hour"),
	SMTP(ANYWHERE, 554, "5.2.252", NULL, SENDER, LOUD,
	    "the mailbox may not send with this From address", FIX_SEND_AS),
	SMTP(ANYWHERE, 554, NULL, "SendAsDenied", SENDER, LOUD,
	    "the mailbox may not send with this From address", FIX_SEND_AS),
	SMTP(ANYWHERE, 550, "5.7.60", NULL, SENDER, LOUD,
	    "the mailbox may not send with this From address", FIX_SEND_AS),
	SMTP(ANYWHERE, 554, "5.2.0", "SubmissionQuotaExceeded", WAIT(ACCOUNT),
	    LOUD, "the mailbox has used up its 10,000 recipients for 24 hours",
	    "nothing: it frees as the day moves on; for more, spread senders over "
	    "mailboxes or use High Volume Email"),
	SMTP(ANYWHERE, 0, "5.2.2", "submission quota", WAIT(ACCOUNT), LOUD,
	    "the mailbox has used up its recipients for 24 hours",
	    "nothing: it frees as the day moves on"),
	SMTP(ANYWHERE, 554, "5.2.2", "STOREDRV", WAIT(ACCOUNT), LOUD,
	    "the sending mailbox is full, often of its Sent Items",
	    "empty {mailbox}, or Set-Mailbox {mailbox} "
	    "-MessageCopyForSMTPClientSubmissionEnabled $false"),
	/* What all others mean by it (RFC 3463 3.3), which passes, too. */
	SMTP(ANYWHERE, 0, "5.2.2", NULL, WAIT(RECIPIENT), QUIET,
	    "the recipient's mailbox is full",
	    "nothing: it is sent again later; if it lasts, tell the recipient"),
	SMTP(ANYWHERE, 0, "5.1.90", NULL, WAIT(ACCOUNT), LOUD,
	    "the mailbox has used up its recipients for 24 hours",
	    "nothing: it frees as the day moves on"),
	SMTP(ANYWHERE, 554, NULL, "OutboundSpam", POLICY, LOUD,
	    "the mailbox is suspended for sending spam",
	    "find what sent it, then unblock {mailbox} at "
	    "https://security.microsoft.com/restrictedusers"),
	SMTP(ANYWHERE, 0, "5.1.8", "outbound sender", POLICY, LOUD,
	    "the sending mailbox is blocked for sending spam",
	    "find what sent it, then unblock {mailbox} at "
	    "https://security.microsoft.com/restrictedusers"),
	SMTP(ANYWHERE, 0, "5.1.8", NULL, SENDER, LOUD,
	    "the server does not accept the domain of the sender's address",
	    "send from a domain that the DNS knows: check mailbox, domain and -f"),
	SMTP(ANYWHERE, 0, "5.7.232", NULL, WAIT(ACCOUNT), LOUD,
	    "the trial tenant has used up its external recipients",
	    "wait a day, or buy a licence"),
	SMTP(ANYWHERE, 0, "5.7.233", NULL, WAIT(ACCOUNT), LOUD,
	    "the tenant has used up its external recipients for 24 hours",
	    "wait; for more, add licences or use Azure Communication Services"),
	SMTP(ANYWHERE, 0, "5.2.121", NULL, WAIT(RECIPIENT), QUIET,
	    "the recipient gets too much mail from this sender",
	    "nothing: it is sent again later"),
	SMTP(ANYWHERE, 0, "5.2.122", NULL, WAIT(RECIPIENT), QUIET,
	    "the recipient gets too much mail", "nothing: it is sent again later"),
	SMTP(ANYWHERE, 0, "5.7.508", NULL, WAIT(SESSION), LOUD,
	    "this network sends too much", "nothing: it passes when less is sent"),
	SMTP(ANYWHERE, 502, "5.3.3", NULL, REFUSED, QUIET,
	    "the server advertises SMTPUTF8 and does not do it",
	    "use an ASCII local part in sender and recipients"),
	SMTP(ANYWHERE, 552, "5.3.4", NULL, BAD_MESSAGE, QUIET,
	    "the message is too large for the mailbox",
	    "send less, or Set-Mailbox {mailbox} -MaxSendSize 150MB"),
	SMTP(ANYWHERE, 0, "5.3.4", NULL, BAD_MESSAGE, QUIET,
	    "the message is too large",
	    "send less, or Set-Mailbox {mailbox} -MaxSendSize 150MB"),
	SMTP(ANYWHERE, 0, "5.2.3", NULL, BAD_MESSAGE, QUIET,
	    "the message is too large for the recipient", "send less"),
	SMTP(ANYWHERE, 0, "5.6.*", NULL, BAD_MESSAGE, QUIET,
	    "the server does not like the message's form",
	    "report this: mailbearer repairs line ends and long lines itself"),
	SMTP(ANYWHERE, 0, "5.7.512", NULL, BAD_MESSAGE, QUIET,
	    "the message has no valid From field",
	    "give it one From address"),
	SMTP(ANYWHERE, 550, "5.1.20", NULL, BAD_MESSAGE, QUIET,
	    "the message has several From addresses and no Sender",
	    "give it one From address"),
	SMTP(ANYWHERE, 550, "5.5.3", "RecipLimit", BAD_MESSAGE, QUIET,
	    "too many recipients for one message",
	    "lower max-recipients, or Set-Mailbox {mailbox} -RecipientLimits 1000"),
	SMTP(ANYWHERE, 452, "4.5.3", NULL, WAIT(RECIPIENT), QUIET,
	    "too many recipients for one transaction",
	    "nothing: the rest goes in the next one"),
	/* RFC 3463 3.6 wants the mail divided, whatever the reply's class. */
	SMTP(AT(RCPT), 0, "5.5.3", NULL, WAIT(RECIPIENT), QUIET,
	    "too many recipients for one transaction", FIX_DIVIDE),
	SMTP(AT(RCPT), 500, NULL, "too many recipients", WAIT(RECIPIENT), QUIET,
	    "too many recipients for one transaction", FIX_DIVIDE),
	SMTP(ANYWHERE, 550, "5.5.105", NULL, REFUSED, QUIET,
	    "High Volume Email sends inside the organisation only",
	    "use another account for external recipients"),
	SMTP(ANYWHERE, 0, "5.4.14", NULL, REFUSED, LOUD, "the message went in a loop",
	    "check the mail routing between this host and the recipient"),
	SMTP(ANYWHERE, 0, "5.4.6", NULL, REFUSED, LOUD, "the message went in a loop",
	    "check the mail routing between this host and the recipient"),
	/* What a bounce of Exchange Online says after a day of trying. */
	SMTP(ANYWHERE, 0, "4.4.7", NULL, WAIT(MESSAGE), LOUD,
	    "the message has waited too long for the recipient's server",
	    "ask the recipient's administrator what is wrong with that server"),
	SMTP(ANYWHERE, 0, "5.4.300", NULL, REFUSED, LOUD,
	    "the message has waited too long for the recipient's server",
	    "ask the recipient's administrator what is wrong with that server"),

	/* Relay and direct send. */
	/* Without a connector the tenant's own recipients are taken all the same:
	 * those of others must not stop their mail. */
	SMTP(AT(RCPT), 550, "5.7.64", NULL, FOR_RCPT(CLASS_CONFIG), LOUD,
	    "no inbound connector of the tenant matches this host",
	    FIX_CONNECTOR),
	SMTP(ANYWHERE, 550, "5.7.64", NULL, PERMISSION, LOUD,
	    "no inbound connector of the tenant matches this host",
	    FIX_CONNECTOR),
	SMTP(AT(RCPT), 451, "4.4.62", NULL, WAIT(RECIPIENT), LOUD,
	    "this is the wrong server for the tenant", FIX_REGION),
	SMTP(ANYWHERE, 451, "4.4.62", NULL, WAIT(ACCOUNT), LOUD,
	    "this is the wrong server for the tenant", FIX_REGION),
	SMTP(ANYWHERE, 550, "5.7.68", NULL, PERMISSION, LOUD,
	    "the organisation rejects Direct Send",
	    "use authenticated submission (preset = exchange-online), or add an "
	    "inbound connector for this host"),
	SMTP(ANYWHERE, 0, "5.7.506", NULL, PERMISSION, LOUD,
	    "the server does not accept our EHLO name", FIX_HOSTNAME),
	SMTP(ANYWHERE, 0, "5.7.511", NULL, POLICY, LOUD,
	    "this host's address is banned", "write to delist@microsoft.com"),
	SMTP(ANYWHERE, 0, "5.7.60*", "banned", POLICY, LOUD,
	    "this host's address is banned", FIX_BANNED),
	SMTP(ANYWHERE, 0, "5.7.61*", "banned", POLICY, LOUD,
	    "this host's address is banned", FIX_BANNED),
	SMTP(ANYWHERE, 0, "5.7.62*", "banned", POLICY, LOUD,
	    "this host's address is banned", FIX_BANNED),
	SMTP(ANYWHERE, 0, "5.7.63*", "banned", POLICY, LOUD,
	    "this host's address is banned", FIX_BANNED),
	SMTP(ANYWHERE, 0, "5.7.64*", "banned", POLICY, LOUD,
	    "this host's address is banned", FIX_BANNED),
	SMTP(ANYWHERE, 0, "5.7.606", NULL, POLICY, LOUD,
	    "this host's address is banned", FIX_BANNED),
	SMTP(ANYWHERE, 451, "4.7.5*", NULL, WAIT(SESSION), QUIET,
	    "the server is busy, or slows this host down",
	    "nothing: it passes; a connector avoids it"),
	SMTP(ANYWHERE, 451, "4.7.6*", NULL, WAIT(SESSION), QUIET,
	    "the server is busy, or slows this host down",
	    "nothing: it passes; a connector avoids it"),
	SMTP(ANYWHERE, 0, "5.7.501", NULL, POLICY, LOUD,
	    "the sender is banned for spam", "clean the account, then ask Microsoft"),
	SMTP(ANYWHERE, 0, "5.7.502", NULL, POLICY, LOUD,
	    "the sender is banned", "clean the account, then ask Microsoft"),
	SMTP(ANYWHERE, 0, "5.7.503", NULL, POLICY, LOUD,
	    "the sender is banned", "clean the account, then ask Microsoft"),
	/* It names senders and recipients. */
	SMTP(ANYWHERE, 0, "5.7.703", NULL, SENDER_POLICY, LOUD,
	    "the Tenant Allow/Block List blocks it",
	    "edit the list at https://security.microsoft.com/tenantAllowBlockList"),
	SMTP(ANYWHERE, 0, "5.7.705", NULL, POLICY, LOUD,
	    "the tenant is stopped for sending spam", "ask Microsoft's support"),
	SMTP(ANYWHERE, 0, "5.7.708", NULL, POLICY, LOUD,
	    "Exchange Online takes no mail of this tenant from this address",
	    "new and trial tenants: buy a licence, or ask Microsoft's support"),
	SMTP(ANYWHERE, 0, "5.7.750", NULL, SENDER_POLICY, LOUD,
	    "the tenant sends for domains that it has not registered",
	    "verify the domain of {from} in the tenant"),
	SMTP(ANYWHERE, 0, "5.7.23", NULL, SENDER, LOUD, "SPF refused the message",
	    "add this sender to the SPF record of the domain of {from}"),
	SMTP(ANYWHERE, 0, "5.7.509", NULL, SENDER, LOUD,
	    "DMARC refused the message",
	    "align SPF or DKIM of the domain of {from}"),
	SMTP(ANYWHERE, 0, "4.7.26", NULL, WAIT(MESSAGE), LOUD,
	    "mail over IPv6 needs SPF or DKIM", "add an SPF record"),

	/* Recipients. */
	SMTP(ANYWHERE, 0, "5.1.2", NULL, NO_HOST, QUIET,
	    "the recipient's domain does not exist", "correct the address"),
	SMTP(ANYWHERE, 0, "5.1.1", NULL, NO_USER, QUIET,
	    "there is no such recipient", "correct the address"),
	SMTP(ANYWHERE, 0, "5.1.3", NULL, NO_USER, QUIET,
	    "the recipient's address is malformed", "correct the address"),
	SMTP(ANYWHERE, 0, "5.1.10", NULL, NO_USER, QUIET,
	    "there is no such recipient", "correct the address"),
	SMTP(ANYWHERE, 0, "5.4.1", NULL, NO_USER, QUIET,
	    "there is no such recipient in that organisation",
	    "correct the address"),
	SMTP(ANYWHERE, 0, "5.7.504", NULL, REFUSED_RCPT, QUIET,
	    "the recipient's address was refused", "correct the address"),
	SMTP(ANYWHERE, 0, "5.7.505", NULL, REFUSED_RCPT, QUIET,
	    "the recipient is banned", "use another recipient"),
	SMTP(ANYWHERE, 0, "5.7.124", NULL, REFUSED_RCPT, QUIET,
	    "the recipient takes mail from listed senders only",
	    "ask the recipient's administrator to list {mailbox}"),
	SMTP(ANYWHERE, 0, "5.7.13*", NULL, REFUSED_RCPT, QUIET,
	    "the recipient takes mail from known senders only",
	    "ask the recipient's administrator to allow {mailbox}"),
	SMTP(ANYWHERE, 550, "5.1.7", NULL, BAD_MESSAGE, QUIET,
	    "the sender's address is malformed", "check -f and mailbox"),

	/* Of this host, in the words of Postfix, Exim, sendmail, Exchange Server,
	 * Domino and qmail.  Below what is of a recipient: there a server may quote
	 * another one that it asked. */
	SMTP(ANYWHERE, 0, "5.7.54", NULL, FOR_RCPT(CLASS_CONFIG), LOUD,
	    "the server does not relay for this host", FIX_RELAY),
	NO_RELAY("relay access denied"),
	NO_RELAY("relay not permitted"),
	NO_RELAY("relaying denied"),
	NO_RELAY("relaying not allowed"),
	NO_RELAY("relay rejected"),
	NO_RELAY("unable to relay"),
	NO_RELAY("list of allowed rcpthosts"),
	UNSERVED(CLASS_CONFIG, "client host rejected",
	    "the server refuses this host's address", FIX_RELAY),
	UNSERVED(CLASS_CONFIG, "helo command rejected",
	    "the server does not accept our EHLO name", FIX_HOSTNAME),
	UNSERVED(CLASS_POLICY, "blocked using",
	    "the server asked a block list that names this host or the sender",
	    FIX_BLOCKED),
	SMTP(BEFORE_MAIL, 530, NULL, NULL, PERMISSION, LOUD,
	    "the server takes mail from authenticated clients only", FIX_RELAY),
	SMTP(ANYWHERE, 530, NULL, NULL, FOR_RCPT(CLASS_CONFIG), LOUD,
	    "the server takes mail from authenticated clients only", FIX_RELAY),
	SMTP(AT(MAIL) | AT(RCPT), 500, NULL, "authentication required",
	    FOR_RCPT(CLASS_CONFIG), LOUD,
	    "the server takes mail from authenticated clients only", FIX_RELAY),
	SMTP(AT(MAIL) | AT(RCPT), 500, NULL, "requires authentication",
	    FOR_RCPT(CLASS_CONFIG), LOUD,
	    "the server takes mail from authenticated clients only", FIX_RELAY),
	SMTP(BEFORE_MAIL, 535, NULL, NULL, PERMISSION, LOUD,
	    "the server refuses the credentials",
	    "check mailbox (or auth-user), the app and its rights"),
	SMTP(ANYWHERE, 535, NULL, NULL, FOR_RCPT(CLASS_CONFIG), LOUD,
	    "the server refuses the credentials",
	    "check mailbox (or auth-user), the app and its rights"),
	/* Of the sender, whom some servers judge no earlier than at RCPT. */
	SMTP(ANYWHERE, 500, NULL, "sender address rejected", SENDER, LOUD,
	    "the server does not accept the sender's address", FIX_SENDER),
	SMTP(ANYWHERE, 500, NULL, "sender verify failed", SENDER, LOUD,
	    "the server does not accept the sender's address", FIX_SENDER),

	/* Any other recipient that is refused. */
	SMTP(AT(RCPT), 550, "5.7.1", NULL, REFUSED_RCPT, QUIET,
	    "the recipient does not take this sender's mail",
	    "ask the recipient's administrator to allow {mailbox}"),
	SMTP(AT(RCPT), 550, NULL, NULL, NO_USER, QUIET,
	    "there is no such recipient", "correct the address"),
	SMTP(AT(RCPT), 551, NULL, NULL, NO_USER, QUIET,
	    "the recipient is elsewhere", "correct the address"),
	SMTP(AT(RCPT), 553, NULL, NULL, NO_USER, QUIET,
	    "the recipient's address is not allowed", "correct the address"),
	SMTP(AT(RCPT), 500, NULL, NULL, REFUSED_RCPT, QUIET,
	    "the server refused this recipient", "correct the address"),

	/* What is left, by stage and first digit. */
	SMTP(AT(STARTTLS), 500, NULL, NULL, TRANSPORT, LOUD,
	    "the server refuses STARTTLS",
	    "check host and port, and that nothing on the way strips STARTTLS"),
	SMTP(AT(MAIL), 500, NULL, NULL, SENDER, LOUD,
	    "the server refuses this sender",
	    "read the server's words; `mailbearer explain` knows more of them"),
	/* RFC 5321 4.1.4: 501 for what is no name, 550 for one that is not liked. */
	SMTP(AT(EHLO), 501, NULL, NULL, PERMISSION, LOUD,
	    "the server does not accept our EHLO name", FIX_HOSTNAME),
	SMTP(AT(EHLO), 550, NULL, NULL, PERMISSION, LOUD,
	    "the server does not accept our EHLO name", FIX_HOSTNAME),
	SMTP(BEFORE_MAIL, 500, NULL, NULL, PERMISSION, LOUD,
	    "the server refuses this sender",
	    "read the server's words; `mailbearer explain` knows more of them"),
	SMTP(ANYWHERE, 552, NULL, NULL, BAD_MESSAGE, QUIET,
	    "the message is too large", "send less"),
	SMTP(ANYWHERE, 421, NULL, NULL, WAIT(SESSION), QUIET,
	    "the server closes the connection: busy or shutting down",
	    "nothing: it passes"),
	SMTP(ANYWHERE, 400, NULL, NULL, WAIT(MESSAGE), QUIET,
	    "the server cannot take it now", "nothing: it is worth another try"),
	SMTP(ANYWHERE, 500, NULL, NULL, REFUSED, QUIET,
	    "the server refuses the message for good",
	    "read the server's words and correct the message"),
	SMTP(ANYWHERE, 0, "4.*", NULL, WAIT(MESSAGE), QUIET,
	    "a temporary failure", "nothing: it is worth another try"),
	SMTP(ANYWHERE, 0, "5.*", NULL, REFUSED, QUIET,
	    "refused for good", "read the words and correct the message"),
	SMTP(ANYWHERE, 0, NULL, NULL, TRANSPORT, LOUD,
	    "the server does not follow the protocol",
	    "check that host and port name an SMTP submission server"),
};

const struct catalogue catalogue_smtp = {
	smtp_rows, sizeof smtp_rows / sizeof *smtp_rows
};
