"""Instructions by the file they lie in, from callgrind's output.

Those of the program itself are the same on every processor and with every
OpenSSL; those of the libraries are not, for libcrypto and libc choose their
code by what the processor can do.  CPU takes most of that choice away.
"""
import collections
import re

# Nothing that one x86-64 has and another has not (OPENSSL_ia32cap(3); "Hardware
# Capability Tunables" of the GNU C library).  Elsewhere it changes nothing.
CPU = {"OPENSSL_ia32cap": "0x0:0x0",
       "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX,"
                         "-AVX_Fast_Unaligned_Load,-ERMS,-FSRM,-BMI2,-RTM"}
OBJECT = re.compile(r"(c?)ob=(?:\((\d+)\))? ?(.*)")
COST = re.compile(r"[-+*\d]\S* (\d+)")


def by_object(path):
    """Counter {file: instructions}; what is called counts where it lies."""
    names, costs, current = {}, collections.Counter(), ""
    inclusive = False              # the line after calls= is the callee's
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            cost, named = COST.match(line), OBJECT.match(line)
            if cost and not inclusive:
                costs[current] += int(cost.group(1))
            elif named:
                callee, number, name = named.groups()
                name = names.setdefault(number, name.strip())
                current = current if callee else name
            inclusive = line.startswith("calls=")
    return costs
