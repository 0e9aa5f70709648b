"""Texts in Markdown: whatever they hold, they are shown as they are."""

import pytest

from textrnn.evaluation.analysis.markdown import code_span, escape


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("hidden_size", "hidden_size"),
        ("data/sample", "data/sample"),
        ("0.5 (auto: 2)", "0.5 (auto: 2)"),
        ("a|b", r"a\|b"),
        ("`code`", r"\`code\`"),
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("x](javascript:alert(1))", r"x\](javascript:alert(1))"),
        ("![i](x)", r"!\[i\](x)"),
        ("# head", r"\# head"),
        ("C#", "C#"),
        ("**a** _b_ __c__", r"\*\*a\*\* \_b\_ \_\_c\_\_"),
        ("a\n\n# b", "a  # b"),
        ("a\r\nb\u2028c", r"a\\r b\\u2028c"),
        ("~~a~~ $b$ &lt;", r"\~\~a\~\~ \$b\$ \&lt;"),
        ("back\\slash", r"back\\slash"),
    ],
)
def test_escape(text, escaped):
    assert escape(text) == escaped


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("plain", "`plain`"),
        ("a|b <i>", "`a|b <i>`"),
        ("a`b", "``a`b``"),
        ("``", "` `` `"),
        ("`a", "`` `a ``"),
        ("a`b``c", "```a`b``c```"),
        ("a\n\nb", "`a  b`"),
        ("a\x1b\u2029b", r"`a\x1b\u2029b`"),
    ],
)
def test_code_span(text, code):
    assert code_span(text) == code
