"""The sandbox: Entra and Exchange Online, imitated on the loopback."""

from .record import Message, Recipient, Records
from .sandbox import Sandbox
from .scenario import UnknownScenario

__all__ = ["Message", "Recipient", "Records", "Sandbox", "UnknownScenario"]
