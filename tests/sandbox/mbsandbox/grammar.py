"""The syntax of commands: RFC 5321 section 4.1 and the extensions.

Pure functions: what is wrong is raised as `SyntaxFault` with the reply and
with the rule that was broken.
"""

import re

LOCAL_PART = (r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"
              r"(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+)*"
              r'|"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*")')
LABEL = (r"[A-Za-z0-9\x80-\U0010ffff]"
         r"(?:[A-Za-z0-9\x80-\U0010ffff-]*[A-Za-z0-9\x80-\U0010ffff])?")
DOMAIN = r"(?:%s(?:\.%s)*|\[[0-9A-Fa-f:.IPv]+\])" % (LABEL, LABEL)
ADDRESS = re.compile(r"(%s)@(%s)" % (LOCAL_PART, DOMAIN))
PATH = re.compile(r'( *)<((?:"(?:[^"\\]|\\.)*"|[^<>"])*)>((?: +\S+)*)')
XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")

# Parameters of MAIL and RCPT: name -> (extension that brings it, syntax).
MAIL_PARAMETERS = {
    "SIZE": ("SIZE", re.compile(r"\d{1,20}")),
    "BODY": ("8BITMIME", re.compile(r"7BIT|8BITMIME|BINARYMIME", re.I)),
    "SMTPUTF8": ("SMTPUTF8", None),
    "RET": ("DSN", re.compile(r"FULL|HDRS", re.I)),
    "ENVID": ("DSN", XTEXT),
    "AUTH": ("AUTH", XTEXT),
}
RCPT_PARAMETERS = {
    "NOTIFY": ("DSN", re.compile(
        r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*",
        re.I)),
    "ORCPT": ("DSN", re.compile(r"[A-Za-z0-9-]+;" + XTEXT.pattern)),
}
# By how much parameters lengthen a command (RFC 1870, 1652, 3461, 4954, 6531).
MAIL_EXTRA = {"SIZE": 26, "8BITMIME": 17, "DSN": 500, "AUTH": 500,
              "SMTPUTF8": 10}


class SyntaxFault(Exception):
    """A command that the grammar does not know."""

    def __init__(self, reply: str, rule: str):
        super().__init__(rule)
        self.reply = reply + "{front}"
        self.rule = rule


def path_and_parameters(verb: str, argument: str, features: tuple
                        ) -> tuple[str, dict, bool]:
    """(address, parameters, whether a space followed the colon)."""
    prefix, table = ("FROM:", MAIL_PARAMETERS) if verb == "MAIL" \
        else ("TO:", RCPT_PARAMETERS)
    match = PATH.fullmatch(argument[len(prefix):])
    if argument[:len(prefix)].upper() != prefix or not match:
        raise SyntaxFault("501 5.5.4 Invalid arguments",
                          "%s syntax: %.80r" % (verb, argument))
    space, address, rest = match.groups()
    params: dict[str, str] = {}
    for word in rest.split():
        name, value = parameter(verb, word, table, features)
        if name in params:
            raise SyntaxFault("501 5.5.4 Invalid arguments",
                              "%s parameter %s twice" % (verb, name))
        params[name] = value
    return address, params, bool(space)


def parameter(verb: str, word: str, table: dict,
              features: tuple) -> tuple[str, str]:
    """One esmtp-param, if its extension was offered."""
    name, equals, value = word.partition("=")
    name = name.upper()
    extension, syntax = table.get(name, ("", None))
    rule = "%s parameter %.40s" % (verb, word)
    if extension not in features or (value.upper() == "BINARYMIME"
                                     and "BINARYMIME" not in features):
        raise SyntaxFault("555 5.5.4 Unsupported option: %s" % name, rule)
    good = not equals if syntax is None else syntax.fullmatch(value)
    if not good:
        raise SyntaxFault("501 5.5.4 Invalid arguments", rule)
    return name, value


def is_address(text: str) -> bool:
    """RFC 5321 section 4.1.2, with the lengths of 4.5.3.1."""
    match = ADDRESS.fullmatch(text)
    return bool(match and len(match.group(1).encode()) <= 64
                and len(match.group(2).encode()) <= 255
                and len(text.encode()) <= 254)


def is_domain(text: str) -> bool:
    return text.isascii() and bool(re.fullmatch(DOMAIN, text))
