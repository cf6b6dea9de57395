"""What no honest link or file holds."""

LONGEST = 600  # characters of any message

NASTY = [
    "", " ", "0", "-1", "-0", "1e308", "1e309", "nan", "inf", "-inf", "9" * 400, "9" * 5000, "1_0", "0x10", "١٢٣", "１２", "²",
    "null", "true", "[]", "{}", "[" * 3000, "{" * 300, '{"a":' * 2000, '"', "'", '"""', "'''", "\\", "\\u0000", "\\ud800", "\0",
    "\ufeff", "\u202e", "\u2028", "\x1b[31m", "\r\n", "\n", "\t", ",", ";", "=", "é", "\U0001f600", "x" * 3000, " " * 3000,
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![x](http://e.example/x.png)", "[x](javascript:alert(1))",
    "$\\def\\x{\\x\\x}\\x$", ":red[x]", "`", "</style>", "</script>", "{{7*7}}", "${7*7}", "%s%n", "=cmd|' /C calc'!A0", "＝1",
    "../../../etc/passwd", "%2e%2e%2f", "__import__('os').system('id')", "datum['x']", "esn", "lstm", "corpus", "v",
    "l1:1,l1:2", "freeze:W_in+W_rec", "truncate:1e9", "clip-norm:1@7", "omega:1", "fixes", "0123456789abcdef", "2026-01-01",
]  # fmt: skip
IMAGE = "![x](http://elsewhere.example/x.png) [y](http://elsewhere.example) <b>z</b> :red[r] $x$ www.elsewhere.example"
