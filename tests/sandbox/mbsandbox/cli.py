"""`sandbox` on the command line, for administrators and for demos."""

import argparse
import signal
import sys
import tempfile
import textwrap
import threading

from . import scenario
from .sandbox import Sandbox

INTRODUCTION = """\
A Microsoft 365 tenant to try things on, without a tenant.

The sandbox imitates, on this machine only, the two servers that mail
leaves through: the token endpoint of Entra ID and the SMTP submission
server of Exchange Online. Nothing is sent anywhere. What a client does
is recorded, and every failure that the service is known for can be
switched on. Stop it with Ctrl-C.
"""

EXAMPLES = """\
examples:
  Try a script. The sandbox prints the command line to use:
    sandbox --directory /tmp/tenant

  See what happens when the administrator forgot a permission:
    sandbox --scenario no_full_access

  One mailbox is full, and the token endpoint is busy at first:
    sandbox --scenario mailbox_full@shop@contoso.com \\
            --scenario http_429:retry_after=2,times=3

  A server that answers RCPT with a reply of your own:
    sandbox --scenario 'reply@rcpt=450 4.2.1 Try again later'

what is found below the directory:
  mailbearer.conf              a config that works with this sandbox
  record/messages/0001.eml     the messages that were accepted
  record/commands.jsonl        what the client said, line by line
  record/violations.jsonl      where it broke a rule of an RFC
  record/token-requests.jsonl  who asked for tokens
"""


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox", description=INTRODUCTION, epilog=EXAMPLES,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
            prog, max_help_position=24, width=78))
    parser.add_argument("--directory", metavar="DIR",
                        help="where everything lies (a new one in /tmp); what "
                        "an earlier run recorded there is removed")
    parser.add_argument("--smtp-port", type=int, default=0, metavar="N",
                        help="port of the SMTP server (a free one)")
    parser.add_argument("--token-port", type=int, default=0, metavar="N",
                        help="port of the token endpoint (a free one)")
    parser.add_argument("--identity-port", type=int, default=0, metavar="N",
                        help="port of the managed identity endpoints (a free "
                        "one)")
    parser.add_argument("--scenario", action="append", default=[],
                        metavar="NAME[@MAILBOX][:KEY=VALUE,...]",
                        help="switch a scenario on; may be given repeatedly. "
                        "times=N: only the next N times; after=N: not before "
                        "N times have gone well")
    parser.add_argument("--list-scenarios", action="store_true",
                        help="show what can be switched on, and end")
    parser.add_argument("--lifetime", type=int, default=3599,
                        metavar="SECONDS", help="how long tokens live (3599)")
    parser.add_argument("--until-stdin-closes", action="store_true",
                        help="end when standard input ends, for scripts")
    return parser


def list_scenarios() -> str:
    """The table of scenarios, 80 columns."""
    lines = ["Number in brackets: where it is described, in the fact sheet on",
             "Exchange Online (9.x are the rows of its list of faults).", ""]
    for row in scenario.TABLE:
        section = " [%s]" % row.section if row.section else ""
        lines.append("%s%s%s" % (row.name, section,
                                 ", at " + row.step if row.step else ""))
        text = row.summary
        if row.defaults:
            text += " (%s)" % ", ".join("%s=%s" % pair
                                        for pair in row.defaults.items())
        lines += textwrap.wrap(text, 74, initial_indent="    ",
                               subsequent_indent="    ")
        if row.reply:
            lines.append("    > %s" % textwrap.shorten(row.reply, 72,
                                                       placeholder=" ..."))
    lines += ["", "hang@STEP, close@STEP, garbage@STEP, reply@STEP=TEXT",
              "    the same fault at any step; STEP is one of"]
    lines += textwrap.wrap(", ".join(scenario.STEPS) + "; rcpt:ADDRESS is "
                           "the RCPT of one recipient", 74,
                           initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def announcement(sandbox: Sandbox, config: str) -> str:
    return """\
The tenant {0.tenant} is open.

  SMTP server      localhost port {0.smtp_port}, STARTTLS, XOAUTH2
  Token endpoint   {0.token_endpoint}
  Managed identity {0.identity_endpoint}/metadata/identity/oauth2/token
  Trust anchor     {0.ca_file}
  App              {0.client_id}
  Client secret    in {0.secret_file}
  Mailboxes        {1}
  Config           {2}
  Record           {0.directory}/record

Send a message:

  printf 'Subject: hello\\n\\nIt works.\\n' |
      mailbearer sendmail -C {2} bob@example.net

The config reads:

{3}""".format(sandbox, ", ".join(sandbox.mailboxes()), config,
              textwrap.indent(open(config).read(), "  "))


def wait_for_the_end(until_stdin_closes: bool) -> None:
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    if until_stdin_closes:
        def watch() -> None:
            while sys.stdin.buffer.read1(4096):
                pass
            end.set()
        threading.Thread(target=watch, daemon=True).start()
    end.wait()


def main(argv: list[str] | None = None) -> int:
    options = arguments().parse_args(argv)
    if options.list_scenarios:
        print(list_scenarios())
        return 0
    try:
        wanted = [scenario.parse(text) for text in options.scenario]
    except scenario.UnknownScenario as error:
        print("sandbox: %s (see --list-scenarios)" % error, file=sys.stderr)
        return 64
    directory = options.directory or tempfile.mkdtemp(prefix="sandbox-")
    try:
        sandbox = Sandbox(directory, options.smtp_port, options.token_port,
                          options.identity_port)
    except OSError as error:
        print("sandbox: %s" % error, file=sys.stderr)
        return 73
    sandbox.lifetime = options.lifetime
    for one in wanted:
        sandbox.switchboard.add(one)
    with sandbox:
        print(announcement(sandbox, sandbox.write_config()), flush=True)
        wait_for_the_end(options.until_stdin_closes)
    return 0
