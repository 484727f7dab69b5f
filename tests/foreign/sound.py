"""Sound texts of each kind, and pieces that make them unsound."""

from __future__ import annotations

ABSENT = {
    "deprecated.jsonl": '{"instance_id": "x", "reason": "r", "since": "2026-01-01"}\n',
    "recipe.lock.yaml": "recipe: HASH\nttcdata: '1'\npython: '3.11'\nplatform: x\nmined: x\nsources: []\n",
}
"""Files that the small set does not have."""
HASH = f"--hash=sha256:{64 * '0'}"
LOCK = f"""attrs==26.1.0 {HASH}
colorama==0.4.6 ; sys_platform == 'win32' {HASH} {HASH}
typing-extensions==4.16.0 ; python_version < '3.13' and (os_name == "posix" or extra == 'x') {HASH}
x==1!2.0rc1.post2.dev3+local.1 {HASH}
"""
PATCH = """diff --git a/pkg/mod.py b/pkg/mod.py
--- a/pkg/mod.py
+++ b/pkg/mod.py
@@ -7,5 +7,5 @@
     >>> add(1, 2)
     3
     \"\"\"
-    total = a + b
+    total = b + a
     return total
"""
LONG = "9" * 5_000
PATCHES = (
    "../", "/", "--- a/../../x\n+++ b/../../x\n", "--- /dev/null\n+++ /etc/x\n", "new file mode 120000\n", "rename from pkg/mod.py\nrename to ../x\n",
    "copy from /etc/passwd\ncopy to x\n", "GIT binary patch\nliteral 0\n", "@@ -0,0 +1 @@\n+x\n", "@@ -1,99999999 +1,99999999 @@\n", "\0", '"a/\\056\\056/x"',
    f"@@ -{LONG},1 +1 @@\n", f"@@ -1 +1,{LONG} @@\n", LONG, f"0x{'f' * 5_000}",
    "*** Update File: ../x\n", "diff --git a/.git/config b/.git/config\n", "-", "+", " ", "@@\n", "\\ No newline at end of file\n", "-- \n2.40\n",
)  # fmt: skip
ANSWER = """Here it is:

<<<<<<< SEARCH
    raise NotImplementedError
=======
    return a + b
>>>>>>> REPLACE

```python
def add(a, b):
    return a + b
```
"""
RECIPE = """name: mine
sources: [{kind: pypi, projects: [toolz]}, {kind: git, url: x, revision: HEAD}]
sandbox: {memory_bytes: 1073741824, cpus: 1.5}
tests: {runs: 3, test_timeout_s: 5}
image: {base: "python:3.11-slim"}
environment: {exclude_newer: 2026-11-20, imports: {yaml: pyyaml}}
splits: {train: 0.9, test: 0.1}
deprecated: [{instance_id: x, reason: y, since: 2026-01-01}]
"""
YAML = (
    "&a", "*a", "<<: *a", "!!python/object:os.system", "!!timestamp x", "!!int x", "!!bool x", "!!binary x", "[", "{", "]", "}", ": ", "- ", "? ", "|",
    ">", "2001-99-99", "9" * 5_000, "\t", "---\n", "...\n", "%YAML 1.1\n", "'", '"', "#", "\n", "~", ".inf", ".nan", "[" * 300, "0o8", "1:99:99",
)  # fmt: skip
