/* SPDX-License-Identifier: ISC
 *
 * The catalogue against the literal texts of the facts about Exchange Online
 * and Entra.
 */
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "diagnose/diagnose.h"

static const struct {
	enum diagnose_stage stage;
	int reply;
	const char *enhanced, *words;
	enum status_class class;
	int sysexit;
	bool loud;
	const char *cause;	/* part of it */
} replies[] = {
	/* 2.2 AUTH */
	{ DIAGNOSE_AUTH, 535, "5.7.3", "Authentication unsuccessful [host]",
	  CLASS_CONFIG, EX_NOPERM, true, "does not accept this token" },
	{ DIAGNOSE_AUTH, 535, "5.7.139", "Authentication unsuccessful, "
	  "SmtpClientAuthentication is disabled for the Tenant. Visit "
	  "https://aka.ms/smtp_auth_disabled for more information.",
	  CLASS_CONFIG, EX_NOPERM, true, "for the organisation" },
	{ DIAGNOSE_AUTH, 535, "5.7.139", "Authentication unsuccessful, "
	  "SmtpClientAuthentication is disabled for the Mailbox.",
	  CLASS_CONFIG, EX_NOPERM, true, "for this mailbox" },
	{ DIAGNOSE_AUTH, 535, "5.7.139", "Authentication unsuccessful, basic "
	  "authentication is disabled.", CLASS_CONFIG, EX_NOPERM, true,
	  "forbids passwords" },
	{ DIAGNOSE_AUTH, 535, "5.7.139", "Authentication unsuccessful, the user "
	  "credentials were incorrect.", CLASS_CONFIG, EX_NOPERM, true,
	  "password is wrong" },
	{ DIAGNOSE_AUTH, 535, "5.7.139", "Authentication unsuccessful, the "
	  "request did not meet the criteria to be authenticated successfully. "
	  "Contact your administrator.", CLASS_POLICY, EX_NOPERM, true,
	  "Conditional Access" },
	{ DIAGNOSE_AUTH, 535, "5.7.139", "Authentication unsuccessful, user is "
	  "locked by your organization's security defaults policy. Contact your "
	  "administrator.", CLASS_POLICY, EX_NOPERM, true, "security defaults" },
	{ DIAGNOSE_AUTH, 535, "5.7.139", "Authentication unsuccessful, the "
	  "organization configuration doesn't allow this authentication request.",
	  CLASS_CONFIG, EX_NOPERM, true, "does not allow" },
	{ DIAGNOSE_AUTH, 535, "5.7.139", "Authentication unsuccessful, federated "
	  "STS service was unreachable.", CLASS_RETRY, EX_TEMPFAIL, true,
	  "federation" },
	{ DIAGNOSE_AUTH, 550, "5.7.30", "Basic authentication is not supported "
	  "for Client Submission.", CLASS_CONFIG, EX_NOPERM, true, "no passwords" },
	{ DIAGNOSE_AUTH, 421, "4.7.66", "TLS 1.0 and 1.1 are not supported. "
	  "Please upgrade/update your client to support TLS 1.2.",
	  CLASS_CONFIG, EX_PROTOCOL, true, "TLS 1.2" },
	{ DIAGNOSE_AUTH, 451, "4.7.0", "Temporary server error. Please try again "
	  "later. PRX4 [host]", CLASS_RETRY, EX_TEMPFAIL, false, "front end" },
	{ DIAGNOSE_AUTH, 454, "4.7.0", "Temporary authentication failure",
	  CLASS_RETRY, EX_TEMPFAIL, false, "cannot check" },
	{ DIAGNOSE_AUTH, 504, "5.7.4", "Unrecognized authentication type",
	  CLASS_CONFIG, EX_NOPERM, true, "way to authenticate" },
	{ DIAGNOSE_CONNECT, 421, "4.3.2", "Service not available",
	  CLASS_RETRY, EX_TEMPFAIL, false, "busy" },
	/* 2.3 MAIL, RCPT, end of data */
	{ DIAGNOSE_END_OF_DATA, 430, "4.2.0", "STOREDRV; mailbox logon failure; "
	  "STOREDRV.Submission.Exception:ConnectionFailedTransientException."
	  "MapiExceptionLogonFailed; Failed to process message",
	  CLASS_RETRY, EX_TEMPFAIL, true, "no rights on the mailbox" },
	{ DIAGNOSE_END_OF_DATA, 432, "4.3.2", "Concurrent connections limit "
	  "exceeded. Visit https://aka.ms/concurrent_sending for more "
	  "information.", CLASS_RETRY, EX_TEMPFAIL, false, "three connections" },
	{ DIAGNOSE_END_OF_DATA, 432, "4.3.2", "STOREDRV.ClientSubmit; sender "
	  "thread limit exceeded", CLASS_RETRY, EX_TEMPFAIL, false,
	  "three connections" },
	{ DIAGNOSE_END_OF_DATA, 554, "5.2.252", "SendAsDenied; a@x not allowed to "
	  "send as b@y; STOREDRV.Submission.Exception:SendAsDeniedException."
	  "MapiExceptionSendAsDenied;", CLASS_CONFIG, EX_NOPERM, true,
	  "From address" },
	{ DIAGNOSE_END_OF_DATA, 554, "5.2.0", "STOREDRV.Submission.Exception:"
	  "SendAsDeniedException...", CLASS_CONFIG, EX_NOPERM, true,
	  "From address" },
	{ DIAGNOSE_MAIL, 550, "5.7.60", "SMTP; Client does not have permissions "
	  "to send as this sender", CLASS_CONFIG, EX_NOPERM, true,
	  "From address" },
	{ DIAGNOSE_MAIL, 530, "5.7.57", "Client not authenticated to send mail.",
	  CLASS_CONFIG, EX_NOPERM, true, "authenticated clients" },
	/* As reply.c reads it: a code of class 5 is none of a 451's. */
	{ DIAGNOSE_MAIL, 451, "", "5.7.3 STARTTLS is required to send mail",
	  CLASS_CONFIG, EX_PROTOCOL, true, "without TLS" },
	{ DIAGNOSE_ANY, 451, "5.7.3", "", CLASS_CONFIG, EX_PROTOCOL, true,
	  "without TLS" },
	{ DIAGNOSE_RCPT, 530, "", "Must issue a STARTTLS command first",
	  CLASS_CONFIG, EX_PROTOCOL, true, "without TLS" },
	{ DIAGNOSE_END_OF_DATA, 554, "5.2.2", "mailbox full; STOREDRV.Submission."
	  "Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
	  CLASS_RETRY, EX_TEMPFAIL, true, "mailbox is full" },
	{ DIAGNOSE_END_OF_DATA, 554, "5.2.0", "STOREDRV.Submission.Exception:"
	  "SubmissionQuotaExceededException; Failed to process message due to a "
	  "permanent exception with message The message can't be submitted "
	  "because the sender's submission quota was exceeded.",
	  CLASS_RETRY, EX_TEMPFAIL, true, "10,000" },
	{ DIAGNOSE_ANY, 550, "5.1.90", "Your message can't be sent because you've "
	  "reached your daily limit for message recipients",
	  CLASS_RETRY, EX_TEMPFAIL, true, "24 hours" },
	{ DIAGNOSE_ANY, 0, "5.2.2", "Submission quota exceeded",
	  CLASS_RETRY, EX_TEMPFAIL, true, "24 hours" },
	{ DIAGNOSE_ANY, 554, "5.2.2", "Submission quota exceeded",
	  CLASS_RETRY, EX_TEMPFAIL, true, "24 hours" },
	{ DIAGNOSE_RCPT, 552, "5.2.2", "<bob@x> Quota exceeded (mailbox for user "
	  "is full)", CLASS_RETRY, EX_TEMPFAIL, false, "recipient's mailbox" },
	{ DIAGNOSE_RCPT, 554, "5.2.2", "mailbox full", CLASS_RETRY, EX_TEMPFAIL,
	  false, "recipient's mailbox" },
	{ DIAGNOSE_END_OF_DATA, 552, "5.2.2", "over quota", CLASS_RETRY,
	  EX_TEMPFAIL, false, "recipient's mailbox" },
	{ DIAGNOSE_END_OF_DATA, 554, "5.2.0", "STOREDRV.Submission.Exception:"
	  "OutboundSpamException; ... WASCL UserAction verdict is not None. "
	  "Actual verdict is Suspend, ShowTierUpgrade.",
	  CLASS_POLICY, EX_NOPERM, true, "spam" },
	{ DIAGNOSE_END_OF_DATA, 451, "4.3.111", "Temporary server error. Please "
	  "try again later MRH1", CLASS_RETRY, EX_TEMPFAIL, false, "now" },
	{ DIAGNOSE_MAIL, 552, "5.3.4", "Message size exceeds fixed maximum "
	  "message size", CLASS_MESSAGE, EX_DATAERR, false, "too large" },
	{ DIAGNOSE_RCPT, 452, "4.5.3", "Too many recipients",
	  CLASS_RETRY, EX_TEMPFAIL, false, "too many" },
	{ DIAGNOSE_ANY, 550, "5.5.3", "RESOLVER.ADR.RecipLimit; too many "
	  "recipients", CLASS_MESSAGE, EX_DATAERR, false, "too many" },
	{ DIAGNOSE_RCPT, 550, "5.1.1", "User unknown", CLASS_RECIPIENT, EX_NOUSER,
	  false, "no such recipient" },
	{ DIAGNOSE_RCPT, 501, "5.1.3", "Invalid address", CLASS_RECIPIENT,
	  EX_NOUSER, false, "malformed" },
	{ DIAGNOSE_RCPT, 550, "5.1.2", "Host unknown", CLASS_RECIPIENT, EX_NOHOST,
	  false, "domain" },
	{ DIAGNOSE_RCPT, 550, "", "no", CLASS_RECIPIENT, EX_NOUSER, false, "" },
	{ DIAGNOSE_RCPT, 554, "5.7.1", "no", CLASS_RECIPIENT, EX_UNAVAILABLE,
	  false, "" },
	{ DIAGNOSE_END_OF_DATA, 550, "5.7.512", "Access denied, message must be "
	  "RFC 5322 section 3.6.2 compliant", CLASS_MESSAGE, EX_DATAERR, false,
	  "From" },
	{ DIAGNOSE_END_OF_DATA, 550, "5.1.20", "Multiple From addresses are not "
	  "allowed without Sender address", CLASS_MESSAGE, EX_DATAERR, false,
	  "From" },
	{ DIAGNOSE_END_OF_DATA, 550, "5.6.11", "Invalid characters",
	  CLASS_MESSAGE, EX_DATAERR, false, "form" },
	{ DIAGNOSE_ANY, 550, "5.7.64", "TenantAttribution; Relay Access Denied",
	  CLASS_CONFIG, EX_NOPERM, true, "connector" },
	{ DIAGNOSE_ANY, 550, "5.7.68", "TenantInboundAttribution; Direct Send not "
	  "allowed for this organization from unauthorized sources",
	  CLASS_CONFIG, EX_NOPERM, true, "Direct Send" },
	{ DIAGNOSE_ANY, 451, "4.7.500", "Server busy. Please try again later from "
	  "[ip]. (AS77712344)", CLASS_RETRY, EX_TEMPFAIL, false, "busy" },
	{ DIAGNOSE_ANY, 451, "4.4.62", "Mail sent to the wrong Office 365 region. "
	  "ATTR35", CLASS_RETRY, EX_TEMPFAIL, true, "wrong server" },
	{ DIAGNOSE_ANY, 550, "5.7.233", "x", CLASS_RETRY, EX_TEMPFAIL, true,
	  "tenant" },
	{ DIAGNOSE_ANY, 550, "5.7.134", "x", CLASS_RECIPIENT, EX_UNAVAILABLE,
	  false, "known senders" },
	{ DIAGNOSE_ANY, 550, "5.5.105", "External sending is not supported for "
	  "High Volume Email accounts", CLASS_MESSAGE, EX_UNAVAILABLE, false,
	  "inside" },
	{ DIAGNOSE_AUTH, 501, "5.5.127", "Token will expire soon",
	  CLASS_RETRY, EX_TEMPFAIL, false, "ten minutes" },
	{ DIAGNOSE_AUTH, 501, "5.5.124", "Invalid XOAUTH2 auth data",
	  CLASS_CONFIG, EX_NOPERM, true, "token" },
	/* 2.2, the rest */
	{ DIAGNOSE_AUTH, 535, "5.7.139", "Authentication unsuccessful, the "
	  "federated STS URL does not support HTTPS.", CLASS_CONFIG, EX_NOPERM,
	  true, "https" },
	{ DIAGNOSE_AUTH, 451, "4.7.0", "Temporary server error. Please try again "
	  "later. PRX2", CLASS_RETRY, EX_TEMPFAIL, false, "front end" },
	{ DIAGNOSE_AUTH, 451, "4.7.0", "Temporary server error. Please try again "
	  "later. PRX5", CLASS_RETRY, EX_TEMPFAIL, false, "front end" },
	{ DIAGNOSE_AUTH, 451, "4.7.0", "Temporary server error. Please try again "
	  "later. PRX6", CLASS_RETRY, EX_TEMPFAIL, false, "front end" },
	{ DIAGNOSE_CONNECT, 421, "4.3.2", "Service not active", CLASS_RETRY,
	  EX_TEMPFAIL, false, "busy" },
	{ DIAGNOSE_AUTH, 535, "5.7.142", "x", CLASS_RETRY, EX_TEMPFAIL, false,
	  "about to expire" },
	{ DIAGNOSE_AUTH, 535, "5.7.143", "x", CLASS_RETRY, EX_TEMPFAIL, true,
	  "has expired" },
	{ DIAGNOSE_AUTH, 535, "5.7.144", "x", CLASS_CONFIG, EX_NOPERM, true,
	  "High Volume" },
	{ DIAGNOSE_AUTH, 550, "5.7.240", "x", CLASS_CONFIG, EX_NOPERM, true,
	  "High Volume" },
	/* 2.3, the rest */
	{ DIAGNOSE_MAIL, 530, "5.7.57", "Client not authenticated to send mail. "
	  "Error: 535 5.7.139 Authentication unsuccessful, "
	  "SmtpClientAuthentication is disabled for the Tenant.", CLASS_CONFIG,
	  EX_NOPERM, true, "switched off" },
	{ DIAGNOSE_END_OF_DATA, 554, "5.2.2", "mailbox full; STOREDRV.Submission."
	  "Exception:QuotaExceededException.MapiExceptionQuotaExceeded",
	  CLASS_RETRY, EX_TEMPFAIL, true, "mailbox is full" },
	{ DIAGNOSE_MAIL, 502, "5.3.3", "Command not implemented", CLASS_MESSAGE,
	  EX_UNAVAILABLE, false, "SMTPUTF8" },
	{ DIAGNOSE_RCPT, 550, "5.1.7", "Invalid address", CLASS_MESSAGE,
	  EX_DATAERR, false, "malformed" },
	/* 2.4 */
	{ DIAGNOSE_ANY, 550, "5.1.8", "Access denied, bad outbound sender",
	  CLASS_POLICY, EX_NOPERM, true, "spam" },
	{ DIAGNOSE_RCPT, 550, "5.1.8", "<a@b.example>: Sender address rejected: "
	  "Domain not found", CLASS_CONFIG, EX_NOPERM, true,
	  "domain of the sender" },
	{ DIAGNOSE_ANY, 550, "5.1.10", "Recipient not found", CLASS_RECIPIENT,
	  EX_NOUSER, false, "no such recipient" },
	{ DIAGNOSE_ANY, 550, "5.2.121", "x", CLASS_RETRY, EX_TEMPFAIL, false,
	  "too much mail" },
	{ DIAGNOSE_ANY, 550, "5.2.122", "x", CLASS_RETRY, EX_TEMPFAIL, false,
	  "too much mail" },
	{ DIAGNOSE_ANY, 550, "5.4.1", "Recipient address rejected: Access denied",
	  CLASS_RECIPIENT, EX_NOUSER, false, "no such recipient" },
	{ DIAGNOSE_ANY, 554, "5.4.14", "x", CLASS_MESSAGE, EX_UNAVAILABLE, true,
	  "loop" },
	{ DIAGNOSE_ANY, 554, "5.4.6", "x", CLASS_MESSAGE, EX_UNAVAILABLE, true,
	  "loop" },
	{ DIAGNOSE_ANY, 550, "5.6.11", "SMTPSEND.BareLinefeedsAreIllegal",
	  CLASS_MESSAGE, EX_DATAERR, false, "form" },
	{ DIAGNOSE_RCPT, 550, "5.7.1", "x", CLASS_RECIPIENT, EX_UNAVAILABLE, false,
	  "this sender" },
	{ DIAGNOSE_ANY, 550, "5.7.124", "x", CLASS_RECIPIENT, EX_UNAVAILABLE,
	  false, "listed senders" },
	{ DIAGNOSE_ANY, 550, "5.7.133", "x", CLASS_RECIPIENT, EX_UNAVAILABLE,
	  false, "known senders" },
	{ DIAGNOSE_ANY, 550, "5.7.135", "x", CLASS_RECIPIENT, EX_UNAVAILABLE,
	  false, "known senders" },
	{ DIAGNOSE_ANY, 550, "5.7.136", "x", CLASS_RECIPIENT, EX_UNAVAILABLE,
	  false, "known senders" },
	{ DIAGNOSE_ANY, 550, "5.7.23", "x", CLASS_CONFIG, EX_NOPERM, true,
	  "SPF" },
	{ DIAGNOSE_ANY, 550, "5.7.509", "x", CLASS_CONFIG, EX_NOPERM, true,
	  "DMARC" },
	{ DIAGNOSE_ANY, 450, "4.7.26", "x", CLASS_RETRY, EX_TEMPFAIL, true,
	  "IPv6" },
	{ DIAGNOSE_ANY, 550, "5.7.64", "TenantAttribution; Relay Access Denied "
	  "[ATTR36]", CLASS_CONFIG, EX_NOPERM, true, "connector" },
	{ DIAGNOSE_ANY, 550, "5.7.232", "x", CLASS_RETRY, EX_TEMPFAIL, true,
	  "trial" },
	{ DIAGNOSE_ANY, 550, "5.7.501", "x", CLASS_POLICY, EX_NOPERM, true,
	  "banned" },
	{ DIAGNOSE_ANY, 550, "5.7.502", "x", CLASS_POLICY, EX_NOPERM, true,
	  "banned" },
	{ DIAGNOSE_ANY, 550, "5.7.503", "x", CLASS_POLICY, EX_NOPERM, true,
	  "banned" },
	{ DIAGNOSE_ANY, 550, "5.7.504", "x", CLASS_RECIPIENT, EX_UNAVAILABLE,
	  false, "recipient" },
	{ DIAGNOSE_ANY, 550, "5.7.505", "x", CLASS_RECIPIENT, EX_UNAVAILABLE,
	  false, "recipient" },
	{ DIAGNOSE_ANY, 550, "5.7.506", "x", CLASS_CONFIG, EX_NOPERM, true,
	  "EHLO" },
	{ DIAGNOSE_EHLO, 501, "5.5.4", "Invalid domain name", CLASS_CONFIG,
	  EX_NOPERM, true, "EHLO" },
	{ DIAGNOSE_EHLO, 550, "", "I do not like you", CLASS_CONFIG, EX_NOPERM,
	  true, "EHLO" },
	{ DIAGNOSE_EHLO, 554, "", "No SMTP service here", CLASS_CONFIG,
	  EX_NOPERM, true, "refuses" },
	{ DIAGNOSE_ANY, 550, "5.7.508", "x", CLASS_RETRY, EX_TEMPFAIL, true,
	  "too much" },
	{ DIAGNOSE_ANY, 550, "5.7.511", "x", CLASS_POLICY, EX_NOPERM, true,
	  "banned" },
	{ DIAGNOSE_ANY, 550, "5.7.606", "Access denied, banned sending IP",
	  CLASS_POLICY, EX_NOPERM, true, "banned" },
	{ DIAGNOSE_ANY, 550, "5.7.615", "Access denied, banned sending IP",
	  CLASS_POLICY, EX_NOPERM, true, "banned" },
	{ DIAGNOSE_ANY, 550, "5.7.649", "Access denied, banned sending IP",
	  CLASS_POLICY, EX_NOPERM, true, "banned" },
	{ DIAGNOSE_ANY, 550, "5.7.703", "x", CLASS_POLICY, EX_NOPERM, true,
	  "List" },
	{ DIAGNOSE_ANY, 550, "5.7.705", "x", CLASS_POLICY, EX_NOPERM, true,
	  "tenant" },
	{ DIAGNOSE_ANY, 550, "5.7.708", "x", CLASS_POLICY, EX_NOPERM, true,
	  "address" },
	{ DIAGNOSE_ANY, 550, "5.7.750", "x", CLASS_POLICY, EX_NOPERM, true,
	  "domains" },
	{ DIAGNOSE_ANY, 451, "4.7.650", "x", CLASS_RETRY, EX_TEMPFAIL, false,
	  "busy" },
	{ DIAGNOSE_ANY, 452, "4.5.3", "Too many recipients", CLASS_RETRY,
	  EX_TEMPFAIL, false, "too many" },
	{ DIAGNOSE_ANY, 550, "4.4.7", "x", CLASS_RETRY, EX_TEMPFAIL, true,
	  "waited" },
	{ DIAGNOSE_ANY, 550, "5.4.300", "x", CLASS_MESSAGE, EX_UNAVAILABLE, true,
	  "waited" },
	{ DIAGNOSE_ANY, 451, "4.3.2", "ATTR17", CLASS_RETRY, EX_TEMPFAIL, false,
	  "now" },
	{ DIAGNOSE_ANY, 451, "4.4.3", "ATTR18", CLASS_RETRY, EX_TEMPFAIL, false,
	  "now" },
	{ DIAGNOSE_ANY, 452, "4.3.1", "x", CLASS_RETRY, EX_TEMPFAIL, false,
	  "now" },
	{ DIAGNOSE_ANY, 451, "4.4.0", "x", CLASS_RETRY, EX_TEMPFAIL, false,
	  "now" },
	{ DIAGNOSE_ANY, 451, "4.7.3", "x", CLASS_RETRY, EX_TEMPFAIL, false,
	  "now" },
	/* Of other servers: what concerns this host, and so all mail, although it
	 * is said to RCPT. */
	{ DIAGNOSE_RCPT, 530, "5.7.1", "Authentication required", CLASS_CONFIG,
	  EX_NOPERM, true, "authenticated clients" },
	{ DIAGNOSE_MAIL, 530, "5.7.0", "Authentication required", CLASS_CONFIG,
	  EX_NOPERM, true, "authenticated clients" },
	{ DIAGNOSE_RCPT, 550, "5.7.1", "Authentication required", CLASS_CONFIG,
	  EX_NOPERM, true, "authenticated clients" },
	{ DIAGNOSE_RCPT, 503, "", "This mail server requires authentication when "
	  "attempting to send to a non-local e-mail address.", CLASS_CONFIG,
	  EX_NOPERM, true, "authenticated clients" },
	{ DIAGNOSE_RCPT, 535, "5.7.8", "no", CLASS_CONFIG, EX_NOPERM, true,
	  "refuses the credentials" },
	{ DIAGNOSE_RCPT, 554, "5.7.1", "<bob@x>: Relay access denied",
	  CLASS_CONFIG, EX_NOPERM, true, "does not relay" },
	{ DIAGNOSE_RCPT, 454, "4.7.1", "<bob@x>: Relay access denied",
	  CLASS_RETRY, EX_TEMPFAIL, true, "does not relay" },
	{ DIAGNOSE_RCPT, 550, "5.7.54", "SMTP; Unable to relay recipient in "
	  "non-accepted domain", CLASS_CONFIG, EX_NOPERM, true,
	  "does not relay" },
	{ DIAGNOSE_RCPT, 550, "5.7.1", "Unable to relay", CLASS_CONFIG, EX_NOPERM,
	  true, "does not relay" },
	{ DIAGNOSE_RCPT, 550, "", "relay not permitted", CLASS_CONFIG, EX_NOPERM,
	  true, "does not relay" },
	{ DIAGNOSE_RCPT, 550, "5.7.1", "bob@x... Relaying denied", CLASS_CONFIG,
	  EX_NOPERM, true, "does not relay" },
	{ DIAGNOSE_RCPT, 554, "", "Relay rejected for policy reasons.",
	  CLASS_CONFIG, EX_NOPERM, true, "does not relay" },
	{ DIAGNOSE_RCPT, 553, "", "sorry, that domain isn't in my list of allowed "
	  "rcpthosts (#5.7.1)", CLASS_CONFIG, EX_NOPERM, true,
	  "does not relay" },
	{ DIAGNOSE_ANY, 554, "5.7.1", "<bob@x>: Relay access denied",
	  CLASS_CONFIG, EX_NOPERM, true, "does not relay" },
	{ DIAGNOSE_RCPT, 554, "5.7.1", "<unknown[192.0.2.1]>: Client host "
	  "rejected: Access denied", CLASS_CONFIG, EX_NOPERM, true,
	  "this host's address" },
	{ DIAGNOSE_CONNECT, 554, "5.7.1", "<unknown[192.0.2.1]>: Client host "
	  "rejected: Access denied", CLASS_CONFIG, EX_NOPERM, true,
	  "this host's address" },
	{ DIAGNOSE_RCPT, 450, "4.7.25", "Client host rejected: cannot find your "
	  "hostname, [192.0.2.1]", CLASS_RETRY, EX_TEMPFAIL, true,
	  "this host's address" },
	{ DIAGNOSE_RCPT, 504, "5.5.2", "<web1>: Helo command rejected: need "
	  "fully-qualified hostname", CLASS_CONFIG, EX_NOPERM, true, "EHLO" },
	{ DIAGNOSE_RCPT, 450, "4.7.1", "<web1>: Helo command rejected: Host not "
	  "found", CLASS_RETRY, EX_TEMPFAIL, true, "EHLO" },
	{ DIAGNOSE_RCPT, 554, "5.7.1", "Service unavailable; Client host "
	  "[192.0.2.1] blocked using zen.spamhaus.org", CLASS_POLICY, EX_NOPERM,
	  true, "block list" },
	{ DIAGNOSE_RCPT, 553, "5.7.1", "<a@b>: Sender address rejected: not owned "
	  "by user c", CLASS_CONFIG, EX_NOPERM, true, "sender's address" },
	{ DIAGNOSE_RCPT, 550, "", "Verification failed for <a@b> Sender verify "
	  "failed", CLASS_CONFIG, EX_NOPERM, true, "sender's address" },
	{ DIAGNOSE_RCPT, 550, "5.5.3", "Too many recipients", CLASS_RETRY,
	  EX_TEMPFAIL, false, "too many" },
	{ DIAGNOSE_RCPT, 550, "", "too many recipients", CLASS_RETRY, EX_TEMPFAIL,
	  false, "too many" },
	/* But these are the recipient's own. */
	{ DIAGNOSE_RCPT, 550, "5.7.133", "RESOLVER.RST.SenderNotAuthenticated"
	  "ForGroup; authentication required", CLASS_RECIPIENT, EX_UNAVAILABLE,
	  false, "known senders" },
	{ DIAGNOSE_ANY, 550, "5.7.1", "RESOLVER.RST.AuthRequired; authentication "
	  "required", CLASS_RECIPIENT, EX_UNAVAILABLE, false, "this sender" },
	{ DIAGNOSE_RCPT, 550, "5.1.1", "Recipient address rejected: undeliverable "
	  "address: host mx.x said: 554 Relay access denied", CLASS_RECIPIENT,
	  EX_NOUSER, false, "no such recipient" },
	/* what is left */
	{ DIAGNOSE_AUTH, 535, "5.7.8", "Authentication failed.", CLASS_CONFIG,
	  EX_NOPERM, true, "credentials" },
	{ DIAGNOSE_MAIL, 550, "5.1.0", "whatever", CLASS_CONFIG, EX_NOPERM, true,
	  "refuses this sender" },
	{ DIAGNOSE_STARTTLS, 502, "", "no", CLASS_CONFIG, EX_PROTOCOL, true,
	  "STARTTLS" },
	{ DIAGNOSE_END_OF_DATA, 554, "", "no", CLASS_MESSAGE, EX_UNAVAILABLE,
	  false, "for good" },
	{ DIAGNOSE_END_OF_DATA, 451, "", "later", CLASS_RETRY, EX_TEMPFAIL, false,
	  "now" },
	{ DIAGNOSE_MAIL, 250, "", "odd", CLASS_CONFIG, EX_PROTOCOL, true,
	  "protocol" },
};

START_TEST(replies_of_the_facts)
{
	const struct diagnosis *d = diagnose_reply(replies[_i].stage,
	    replies[_i].reply, replies[_i].enhanced, replies[_i].words);

	ck_assert_msg(strstr(d->cause, replies[_i].cause) != NULL,
	    "%d %s: got \"%s\"", replies[_i].reply, replies[_i].enhanced,
	    d->cause);
	ck_assert_int_eq(d->class, replies[_i].class);
	ck_assert_int_eq(d->sysexit, replies[_i].sysexit);
	ck_assert_int_eq(d->loud, replies[_i].loud);
}
END_TEST

static const struct {
	int http;
	const char *error;
	long aadsts;
	enum status_class class;
	int sysexit;
} answers[] = {
	{ 401, "invalid_client", 7000215, CLASS_CONFIG, EX_NOPERM },
	{ 401, "invalid_client", 999999, CLASS_CONFIG, EX_NOPERM },
	{ 400, "invalid_grant", 50196, CLASS_RETRY, EX_TEMPFAIL },
	{ 400, "invalid_grant", 53003, CLASS_POLICY, EX_NOPERM },
	{ 503, "temporarily_unavailable", 90033, CLASS_RETRY, EX_TEMPFAIL },
	{ 503, "", 0, CLASS_RETRY, EX_TEMPFAIL },
	{ 429, "", 0, CLASS_RETRY, EX_TEMPFAIL },
	{ 408, "", 0, CLASS_RETRY, EX_TEMPFAIL },
	{ 410, "", 0, CLASS_RETRY, EX_TEMPFAIL },
	{ 400, "invalid_scope", 0, CLASS_CONFIG, EX_NOPERM },
	{ 302, "", 0, CLASS_CONFIG, EX_NOPERM },
	{ 404, "", 0, CLASS_CONFIG, EX_NOPERM },
	{ 200, "", 0, CLASS_RETRY, EX_TEMPFAIL },
};

START_TEST(answers_of_the_token_endpoint)
{
	const struct diagnosis *d = diagnose_token(answers[_i].http,
	    answers[_i].error, answers[_i].aadsts, "");

	ck_assert_int_eq(d->class, answers[_i].class);
	ck_assert_int_eq(d->sysexit, answers[_i].sysexit);
}
END_TEST

/* 8.2: what each number means, whatever else the endpoint says. */
static const struct {
	long aadsts;
	enum status_class class;
	const char *cause;	/* part of it */
} numbers[] = {
	{ 7000215, CLASS_CONFIG, "client secret is wrong" },
	{ 7000222, CLASS_CONFIG, "secret has expired" },
	{ 700016, CLASS_CONFIG, "does not exist in this tenant" },
	{ 90002, CLASS_CONFIG, "no such tenant" },
	{ 500011, CLASS_CONFIG, "resource" },
	{ 70011, CLASS_CONFIG, "scope" },
	{ 7000218, CLASS_CONFIG, "no secret and no assertion" },
	{ 700027, CLASS_CONFIG, "signature" },
	{ 50012, CLASS_CONFIG, "signature" },
	{ 7000112, CLASS_CONFIG, "disabled" },
	{ 53003, CLASS_POLICY, "Conditional Access" },
	{ 65001, CLASS_CONFIG, "consent" },
	{ 650057, CLASS_CONFIG, "consent" },
	{ 650052, CLASS_CONFIG, "lacks the service" },
	{ 50126, CLASS_CONFIG, "password" },
	{ 50076, CLASS_POLICY, "second factor" },
	{ 50079, CLASS_POLICY, "second factor" },
	{ 700082, CLASS_CONFIG, "refresh token" },
	{ 70008, CLASS_CONFIG, "refresh token" },
	{ 50173, CLASS_CONFIG, "revoked" },
	{ 9001023, CLASS_CONFIG, "common" },
	{ 900382, CLASS_CONFIG, "cloud" },
	{ 900432, CLASS_CONFIG, "cloud" },
	{ 90038, CLASS_CONFIG, "cloud" },
	{ 50196, CLASS_RETRY, "loop" },
	{ 90055, CLASS_RETRY, "throttled" },
	{ 90033, CLASS_RETRY, "busy" },
	{ 90006, CLASS_RETRY, "busy" },
	{ 90012, CLASS_RETRY, "busy" },
	{ 90024, CLASS_RETRY, "busy" },
	{ 50033, CLASS_RETRY, "busy" },
};

/* What identity endpoints say when there is no such identity. */
START_TEST(identities_that_are_not_there)
{
	static const struct {
		const char *error, *words;
	} answers_by_words[] = {
		{ "invalid_request", "Identity not found" },
		{ "", "No managed identity with specified parameters could be "
		  "found" },
		{ "", "No User Assigned or Delegated Managed Identity found for "
		  "specified ClientId/ResourceId/PrincipalId." },
	};
	const struct diagnosis *d;
	size_t i;

	for (i = 0; i < sizeof answers_by_words / sizeof *answers_by_words;
	    i++) {
		d = diagnose_token(400, answers_by_words[i].error, 0,
		    answers_by_words[i].words);
		ck_assert_int_eq(d->class, CLASS_CONFIG);
		ck_assert_ptr_nonnull(strstr(d->cause, "managed identity"));
	}
	d = diagnose_token(500, "", 0, "no managed identity yet");
	ck_assert_int_eq(d->class, CLASS_RETRY);
}
END_TEST

START_TEST(numbers_of_the_token_endpoint)
{
	const struct diagnosis *d = diagnose_token(400, "invalid_grant",
	    numbers[_i].aadsts, "");

	ck_assert_int_eq(d->class, numbers[_i].class);
	ck_assert_msg(strstr(d->cause, numbers[_i].cause) != NULL,
	    "AADSTS%ld: got \"%s\"", numbers[_i].aadsts, d->cause);
}
END_TEST

START_TEST(a_hint_names_the_account)
{
	struct diagnose_values v = { .mailbox = "alerts@contoso.com" };
	struct status st = STATUS_INIT;
	const struct diagnosis *d;

	d = diagnose_reply(DIAGNOSE_END_OF_DATA, 554, "5.2.252", "SendAsDenied");
	ck_assert_int_eq(diagnose_status(&st, d, &v, 554, "5.2.252",
	    "SendAsDenied\033[31m", "message refused"), -1);
	ck_assert_str_eq(st.text, "message refused");
	ck_assert_str_eq(st.remote, "SendAsDenied?[31m");
	ck_assert_ptr_nonnull(strstr(st.hint, "-Trustee alerts@contoso.com "));
	ck_assert_ptr_nonnull(strstr(st.hint, "-Identity <from> "));
	ck_assert_int_eq(st.scope, SCOPE_MESSAGE);
}
END_TEST

/* Also to those who have set it so. */
START_TEST(no_hint_says_to_set_what_may_be_set)
{
	static const char *const enhanced[] = { "", "5.5.4", "5.7.4" };
	size_t i;

	for (i = 0; i < sizeof enhanced / sizeof *enhanced; i++)
		ck_assert_ptr_null(strstr(diagnose_reply(DIAGNOSE_AUTH, 504,
		    enhanced[i], "no")->fix, "auth = xoauth2"));
}
END_TEST

/* What a caller can bring about by a sender's address is his message's fault
 * alone: an account that pauses for it would keep everybody's mail. */
START_TEST(no_sender_address_condemns_the_account)
{
	static const struct {
		enum diagnose_stage stage;
		int reply;
		const char *enhanced, *words;
	} refusals[] = {
		{ DIAGNOSE_END_OF_DATA, 554, "5.2.252", "SendAsDenied" },
		{ DIAGNOSE_END_OF_DATA, 554, "5.2.0", "SendAsDeniedException" },
		{ DIAGNOSE_MAIL, 550, "5.7.60", "Client does not have permissions "
		  "to send as this sender" },
		{ DIAGNOSE_MAIL, 501, "5.1.7", "Invalid address" },
		{ DIAGNOSE_MAIL, 553, "", "no such sender here" },
	};
	size_t i;

	for (i = 0; i < sizeof refusals / sizeof *refusals; i++)
		ck_assert_int_eq(diagnose_reply(refusals[i].stage,
		    refusals[i].reply, refusals[i].enhanced,
		    refusals[i].words)->scope, SCOPE_MESSAGE);
	ck_assert_int_eq(diagnose_reply(DIAGNOSE_MAIL, 530, "5.7.57",
	    "Client not authenticated")->scope, SCOPE_ACCOUNT);
}
END_TEST

/* Nor can what is said of one recipient: anybody can write to a full mailbox. */
START_TEST(no_recipient_condemns_the_account)
{
	static const struct {
		enum diagnose_stage stage;
		int reply;
		const char *enhanced, *words;
		enum status_scope scope;
	} refusals[] = {
		{ DIAGNOSE_RCPT, 552, "5.2.2", "Quota exceeded (mailbox for user is "
		  "full)", SCOPE_RECIPIENT },
		{ DIAGNOSE_RCPT, 554, "5.2.2", "mailbox full", SCOPE_RECIPIENT },
		{ DIAGNOSE_END_OF_DATA, 554, "5.2.2", "mailbox full; STOREDRV.",
		  SCOPE_ACCOUNT },
		{ DIAGNOSE_END_OF_DATA, 550, "5.2.2", "Submission quota exceeded",
		  SCOPE_ACCOUNT },
		{ DIAGNOSE_RCPT, 550, "5.1.8", "Sender address rejected: Domain not "
		  "found", SCOPE_MESSAGE },
		{ DIAGNOSE_MAIL, 550, "5.1.8", "Access denied, bad outbound sender",
		  SCOPE_ACCOUNT },
		{ DIAGNOSE_RCPT, 550, "5.7.64", "TenantAttribution; Relay Access "
		  "Denied", SCOPE_RECIPIENT },
		{ DIAGNOSE_MAIL, 550, "5.7.64", "TenantAttribution; Relay Access "
		  "Denied", SCOPE_ACCOUNT },
		{ DIAGNOSE_RCPT, 451, "4.4.62", "Mail sent to the wrong Office 365 "
		  "region. ATTR35", SCOPE_RECIPIENT },
		{ DIAGNOSE_END_OF_DATA, 450, "4.7.26", "x", SCOPE_MESSAGE },
		{ DIAGNOSE_RCPT, 550, "5.7.703", "x", SCOPE_MESSAGE },
		/* A relay may serve some domains and not others. */
		{ DIAGNOSE_RCPT, 554, "5.7.1", "Relay access denied",
		  SCOPE_RECIPIENT },
		{ DIAGNOSE_CONNECT, 554, "5.7.1", "Client host rejected",
		  SCOPE_ACCOUNT },
		{ DIAGNOSE_RCPT, 554, "5.7.1", "Client host rejected",
		  SCOPE_RECIPIENT },
		{ DIAGNOSE_RCPT, 530, "5.7.1", "Authentication required",
		  SCOPE_RECIPIENT },
		{ DIAGNOSE_EHLO, 530, "5.7.1", "Authentication required",
		  SCOPE_ACCOUNT },
		{ DIAGNOSE_RCPT, 504, "5.5.2", "Helo command rejected",
		  SCOPE_RECIPIENT },
	};
	size_t i;

	for (i = 0; i < sizeof refusals / sizeof *refusals; i++)
		ck_assert_msg(diagnose_reply(refusals[i].stage,
		    refusals[i].reply, refusals[i].enhanced,
		    refusals[i].words)->scope == refusals[i].scope,
		    "%d %s %s", refusals[i].reply, refusals[i].enhanced,
		    refusals[i].words);
}
END_TEST

/* Where nobody knows the stage, a code that says what it means is not taken for
 * a refused recipient. */
START_TEST(without_a_stage_the_code_counts)
{
	const struct diagnosis *d;

	d = diagnose_reply(DIAGNOSE_ANY, 535, "", "Authentication failed");
	ck_assert_int_eq(d->sysexit, EX_NOPERM);
	d = diagnose_reply(DIAGNOSE_ANY, 554, "", "Transaction failed");
	ck_assert_int_eq(d->sysexit, EX_UNAVAILABLE);
	ck_assert_int_eq(d->scope, SCOPE_MESSAGE);
	d = diagnose_reply(DIAGNOSE_ANY, 550, "", "no such user");
	ck_assert_int_eq(d->sysexit, EX_NOUSER);
	d = diagnose_reply(DIAGNOSE_RCPT, 535, "", "no");
	ck_assert_int_eq(d->scope, SCOPE_RECIPIENT);
}
END_TEST

/* No row may stand below one that takes all it takes, nor be too long for a
 * hint, nor be without advice. */
START_TEST(every_row_can_be_reached_and_fits)
{
	const struct diagnosis *d, *got;
	char enhanced[12];
	struct status st;
	int stage, reply;
	size_t i;

	for (i = 0; (d = diagnose_row(i)) != NULL; i++) {
		ck_assert_uint_lt(strlen(d->cause) + strlen(d->fix) + 100,
		    sizeof st.hint);
		ck_assert_uint_ne(strlen(d->fix), 0);
		for (stage = 0; stage < DIAGNOSE_STAGES - 1; stage++)
			if (d->stages & 1u << stage)
				break;
		snprintf(enhanced, sizeof enhanced, "%s",
		    d->enhanced != NULL ? d->enhanced : "");
		if (*enhanced != '\0' && enhanced[strlen(enhanced) - 1] == '*')
			enhanced[strlen(enhanced) - 1] = '9';
		reply = d->reply;
		if (reply == 300 || reply == 400 || reply == 500)
			reply += 56;
		if (d->stages == 1u << DIAGNOSE_TOKEN)
			got = diagnose_token(reply, d->oauth_error != NULL ?
			    d->oauth_error : "", d->aadsts,
			    d->words != NULL ? d->words : "");
		else
			got = diagnose_reply(d->stages != 0 ?
			    (enum diagnose_stage)stage : DIAGNOSE_END_OF_DATA,
			    reply, enhanced, d->words != NULL ? d->words : "");
		ck_assert_msg(got == d, "row %zu (%s) is hidden by (%s)", i,
		    d->cause, got->cause);
	}
	ck_assert_uint_gt(i, 100);
}
END_TEST

/* reply.c gives no enhanced code of another class than the reply's (RFC 2034 4):
 * such a row is for those who ask with half a line, and one by words stands
 * before it. */
START_TEST(no_row_waits_for_a_code_of_another_class)
{
	const struct diagnosis *d, *before = NULL;
	size_t i;

	for (i = 0; (d = diagnose_row(i)) != NULL; before = d, i++) {
		if (d->stages == 1u << DIAGNOSE_TOKEN || d->reply == 0 ||
		    d->enhanced == NULL || d->enhanced[0] - '0' == d->reply / 100)
			continue;
		ck_assert_ptr_nonnull(before);
		ck_assert_msg(before->reply == d->reply &&
		    before->enhanced == NULL && before->words != NULL &&
		    strcmp(before->cause, d->cause) == 0,
		    "no reply is like row %zu (%s)", i, d->cause);
	}
}
END_TEST

START_TEST(there_is_always_advice)
{
	struct status st = STATUS_INIT;
	int sysexit;

	for (sysexit = EX_OK; sysexit <= EX_CONFIG; sysexit++) {
		status_set(&st, sysexit, "x");
		ck_assert_uint_ne(strlen(diagnose_advice(&st)), 0);
	}
	status_hint(&st, "this");
	ck_assert_str_eq(diagnose_advice(&st), "this");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("diagnose");
	TCase *t = tcase_create("diagnose");

	tcase_add_loop_test(t, replies_of_the_facts, 0,
	    sizeof replies / sizeof *replies);
	tcase_add_loop_test(t, answers_of_the_token_endpoint, 0,
	    sizeof answers / sizeof *answers);
	tcase_add_loop_test(t, numbers_of_the_token_endpoint, 0,
	    sizeof numbers / sizeof *numbers);
	tcase_add_test(t, identities_that_are_not_there);
	tcase_add_test(t, a_hint_names_the_account);
	tcase_add_test(t, no_hint_says_to_set_what_may_be_set);
	tcase_add_test(t, no_sender_address_condemns_the_account);
	tcase_add_test(t, no_recipient_condemns_the_account);
	tcase_add_test(t, without_a_stage_the_code_counts);
	tcase_add_test(t, no_row_waits_for_a_code_of_another_class);
	tcase_add_test(t, there_is_always_advice);
	tcase_add_test(t, every_row_can_be_reached_and_fits);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
