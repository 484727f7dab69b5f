"""A stand-in for the Hugging Face Hub: a server on a real socket that the unmodified clients talk to through `HF_ENDPOINT`.

storage.py   repositories: commits that never change, branches and tags that name them
state.py     all that the stand-in knows, the log of what was asked, and the faults that tests switch on
api.py       what it answers: accounts, repositories, trees, commits, files
uploads.py   how large files come: the LFS protocol, in one part or several
xet.py       how large files come that the client's `hf_xet` sends: chunks in xorbs, put together by shards
server.py    the socket
"""

from tests.hub.server import running, serving
from tests.hub.state import Fault, Hub, Logged
from tests.hub.storage import Account

__all__ = ["Account", "Fault", "Hub", "Logged", "running", "serving"]
