"""HTML and Markdown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.document_formats.builder import Extract
from bot.document_formats.html import read_html
from bot.document_formats.limits import Limits
from bot.document_formats.markdown import read_markdown
from bot.errors import DocumentTooLarge, EmptyDocument
from tests.support.extracts import sections

LIMITS = Limits()


def html(markup: str, limits: Limits = LIMITS) -> Extract:
    return read_html(markup.encode(), "page.html", limits, lambda share: None)


def markdown(text: str) -> Extract:
    return read_markdown(text.encode(), "notes.md", LIMITS)


def test_html_paragraphs_are_mended_and_entities_read() -> None:
    extract = html("<p>Tom &amp; Jerry\n  ran&nbsp;off.<p>Second<br>line <b>bo</b>ld &#x41;")
    assert extract == Extract("Tom & Jerry ran off.\n\nSecond\nline bold A")


def test_html_headings_are_sections_and_the_title_names_what_stands_first() -> None:
    extract = html(
        "<title>The  Guide</title><p>Intro<h1>One</h1>a<h2>Two <i>b</i></h2><div>c<div>d</div></div>"
    )
    assert sections(extract) == [
        ("The Guide", "Intro\n\n"),
        ("One", "One\n\na\n\n"),
        ("Two b", "Two b\n\nc\n\nd"),
    ]


def test_html_without_headings_has_no_sections() -> None:
    assert html("<title>T</title><p>text").sections == ()


def test_html_that_nobody_sees_is_left_out() -> None:
    extract = html(
        "<head><title>t</title><style>p{}</style></head><body><nav>Home</nav><p>seen<script>bad()</script>"
        "<span hidden>no</span><p style='color:red; DISPLAY : none'>no<b>no</b></p><template>no</template>"
        "<div aria-hidden='true'>no</div><!-- no --><noscript>no</noscript><p>also seen"
    )
    assert extract.text == "seen\n\nalso seen"


def test_html_tables_keep_a_line_for_each_row() -> None:
    extract = html(
        "<p>Prices<table><caption>2024</caption><tr><th>Item<th>Price<tr><td>Tea <td><p>3</p><p>EUR</p>"
        "<tr><td><td></table>after"
    )
    assert extract.text == "Prices\n\n2024\n\nItem | Price\nItem: Tea | Price: 3 EUR\n\nafter"


def test_html_rows_that_say_what_they_are_about_first_name_no_columns() -> None:
    assert html("<table><tr><th>Born<td>1867<tr><th>Died<td>1934</table>").text == "Born | 1867\nDied | 1934"


def test_html_tables_that_arrange_a_page_are_read_as_text() -> None:
    body = "".join(f"<p>Paragraph {i}.</p>" for i in range(5))
    assert html(f"<table><tr><td>Menu<td><h2>News</h2>{body}</table>").text == (
        "Menu\n\nNews\n\n" + "\n\n".join(f"Paragraph {i}." for i in range(5))
    )


def test_html_tables_inside_tables() -> None:
    assert html("<table><tr><td>a<table><tr><td>b<td>c</table><td>d</table>").text == "a b | c | d"


def test_html_lists_keep_their_numbers() -> None:
    extract = html("<ol start=3><li>three<li><p>four</p><p>more</p></ol><ul><li>x<ul><li>y</ul><li>z</ul>")
    assert extract.text == "3. three\n4. four\nmore\n- x\n- y\n- z"


def test_html_code_keeps_its_lines() -> None:
    assert html("<pre>def f():\n    return 1\n</pre><p>x").text == "def f():\n    return 1\n\nx"


def test_html_in_an_old_encoding_that_it_declares() -> None:
    page = '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251"><p>Договор'
    assert read_html(page.encode("cp1251"), "a.html", LIMITS, lambda share: None).text == "Договор"


def test_xhtml_with_elements_closed_at_once() -> None:
    page = '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="a"/>'
    assert html(page + "</head><body><p/><p>text</p><a id='x'/>more</body></html>").text == "text\n\nmore"


@pytest.mark.parametrize("page", ["<html></html>", "<!-- only a comment -->", "<script>x()</script>", "<p> "])
def test_html_without_text_is_empty(page: str) -> None:
    with pytest.raises(EmptyDocument, match=r"^document\.empty$"):
        html(page)


def test_html_nesting_is_bounded_and_costs_no_stack() -> None:
    assert html("<div>" * 900 + "deep").text == "deep"
    with pytest.raises(DocumentTooLarge, match=r"^document\.too_deep$") as error:
        html("<div>" * 200_000 + "deep")
    assert error.value.values == {"limit": LIMITS.nesting}


def test_html_bounds_on_characters_hold() -> None:
    with pytest.raises(DocumentTooLarge, match=r"^document\.too_long$"):
        html("<p>" + "x" * 100, replace(LIMITS, characters=99))


def test_html_reports_progress() -> None:
    shares: list[float] = []
    read_html(("<p>words " * 60_000).encode(), "a.html", LIMITS, shares.append)
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1


def test_markdown_reads_as_its_page_does() -> None:
    extract = markdown(
        "Intro with *stress*, `code` and a [link](http://x.y).\nSame paragraph.\n\n# One\n\n"
        "text  \nbroken\n\n"
        "Two\n---\n\n![a picture](p.png) &amp; <b>raw</b>\n"
    )
    assert sections(extract) == [
        ("notes.md", "Intro with stress, code and a link. Same paragraph.\n\n"),
        ("One", "One\n\ntext\nbroken\n\n"),
        ("Two", "Two\n\na picture & raw"),
    ]


def test_markdown_lists_tables_code_and_quotes() -> None:
    extract = markdown(
        "- a\n- b\n  c\n\n  d\n\n3. three\n4. four\n   - inner\n\n| k | v |\n|---|---|\n| x | **1** |\n\n"
        "```py\ndef f():\n    pass\n```\n\n> said\n> so\n"
    )
    assert extract.text == (
        "- a\n- b c\nd\n3. three\n4. four\n- inner\n\nk | v\nk: x | v: 1\n\ndef f():\n    pass\n\nsaid so"
    )


def test_markdown_line_breaks_written_as_html_part_words_and_numbers() -> None:
    table = "| Item | Price |\n|---|---|\n| Deposit<br>Rent | 10<BR />20 |\n"
    assert markdown(table).text == "Item | Price\nItem: Deposit Rent | Price: 10 20"
    assert markdown("first<br>second<br/>\nthird").text == "first\nsecond\nthird"


@pytest.mark.parametrize("depth", [12, 200])
def test_markdown_lists_are_read_however_deep_they_are(depth: int) -> None:
    text = markdown("".join(f"{'  ' * i}- item {i}\n" for i in range(depth)) + "\nafter").text
    assert [f"item {i}" for i in range(depth) if f"item {i}\n" not in text] == []
    assert text.endswith("\n\nafter")
    assert markdown(">" * depth + " quoted").text == "quoted"


def test_markdown_settings_before_the_text_are_no_heading() -> None:
    extract = markdown("---\ntitle: Plan\ndraft: true\n---\n\n# Goal\n\nx\n")
    assert sections(extract) == [("notes.md", "title: Plan\ndraft: true\n\n"), ("Goal", "Goal\n\nx")]


def test_markdown_with_blocks_of_html() -> None:
    extract = markdown(
        "<h1>Title</h1>\n\n<table><tr><td>a</td><td>b</td></tr></table>\n\n<script>x()</script>\n\ny"
    )
    assert extract.text == "Title\n\na | b\n\ny"
    assert extract.sections[0].label == "Title"
