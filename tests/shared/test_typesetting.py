from __future__ import annotations

import asyncio
import io
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image
from pypdf import PdfReader

from shared.errors import BrokenContract
from shared.typesetting import Attachment, picture, printable, typeset, typeset_async

CREATED = datetime(2026, 11, 3, 14, 5, 9, tzinfo=UTC)
TEMPLATE = """\
#let data = json(bytes(sys.inputs.data))
#set document(title: data.title)
#title()
#for word in data.words [ #par[#word] ]
"""
HOSTILE = (
    '#eval("1+1")',
    "#panic()",
    "$ x^2 $",
    "\\ \\u{41}",
    ']#read("/etc/passwd")[',
    "*bold* _it_ = heading <label> @ref // comment /* */",
    '"}, "words": [',
    "`raw` ~ -- ... 'quote'",
)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "sample.typ"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


def words(*texts: str) -> dict[str, object]:
    return {"title": "Essai", "words": list(texts)}


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_the_pdf_declares_archival_and_accessible_in_its_metadata(template: Path) -> None:
    reader = PdfReader(io.BytesIO(typeset(template, words("Bonjour"), created=CREATED)))
    root = cast("Any", reader.trailer["/Root"])
    xmp = root["/Metadata"].get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in xmp
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in xmp
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    assert root["/Lang"] == "fr"
    assert reader.metadata is not None
    assert reader.metadata.title == "Essai"
    assert reader.metadata.creation_date == CREATED


def test_the_same_input_gives_the_same_bytes_and_another_instant_gives_others(template: Path) -> None:
    first = typeset(template, words("Bonjour"), created=CREATED)
    same_instant = CREATED.astimezone(timezone(timedelta(hours=1)))
    assert typeset(template, words("Bonjour"), created=same_instant) == first
    assert typeset(template, words("Bonjour"), created=CREATED + timedelta(seconds=1)) != first


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_the_data_is_printed_and_never_run(template: Path, text: str) -> None:
    assert text in text_of(typeset(template, words(text), created=CREATED))


def test_what_no_font_draws_is_printed_by_its_code_point(template: Path) -> None:
    shown = text_of(typeset(template, words("sale \U0001f437 !", "漢字", "\ue000"), created=CREATED)).replace("\n", " ")
    assert "sale [PIG FACE U+1F437] !" in shown
    assert "[U+6F22][U+5B57]" in shown
    assert "[U+E000]" in shown


def test_five_hundred_unknown_characters_do_not_fail(template: Path) -> None:
    text = "".join(chr(code) for code in range(0x4E00, 0x4E00 + 500))
    assert "[U+4FF3]" in text_of(typeset(template, words(text), created=CREATED)).replace("\n", "")


@pytest.mark.parametrize(
    "text",
    [
        "مرحبا بالعالم",
        "שלום",
        "a\u202eb",
        "\x00\x07",
        "\ud800",
        "e\u0338\u20dd",
        "👩‍👩‍👧 🇫🇷 👍🏽",
        "",
        "\u2028x",
        "z" * 4000,
    ],
)
def test_any_text_of_any_script_is_typeset(template: Path, text: str) -> None:
    assert typeset(template, words(text), created=CREATED).startswith(b"%PDF-")


def test_overrides_and_controls_are_shown_and_joiners_left_out() -> None:
    assert printable("abc\u202edcba\u202c\x07\u200d\ufe0f\r\n\tz") == "abc[U+202E]dcba[U+202C][U+0007]\n    z"


def test_an_attachment_keeps_its_bytes_and_its_kind(template: Path) -> None:
    content = bytes(range(256))
    item = Attachment(
        name="pièce]#1.bin", content=content, media_type="application/octet-stream", description="Une pièce"
    )
    reader = PdfReader(io.BytesIO(typeset(template, words("x"), created=CREATED, attachments=[item])))
    assert reader.attachments["pièce]#1.bin"] == [content]
    assert len(reader.pages) == 1


def test_two_attachments_of_one_name_are_refused(template: Path) -> None:
    item = Attachment(name="a", content=b"1", media_type="text/plain", description="d")
    with pytest.raises(BrokenContract, match="share a name"):
        typeset(template, words("x"), created=CREATED, attachments=[item, item])


@pytest.mark.parametrize(
    "use", ["panic(data.title)", "int(data.title)", "assert(false, message: data.title)", "read(data.title)"]
)
def test_an_error_names_the_template_and_the_place_and_quotes_no_data(template: Path, use: str) -> None:
    template.write_text(f"#let data = json(bytes(sys.inputs.data))\n#{use}\n", encoding="utf-8")
    with pytest.raises(
        BrokenContract, match=r"^sample\.typ could not be typeset: .*\(sample\.typ:2:\d+\)\.$"
    ) as caught:
        typeset(template, {"title": "Camille secret"}, created=CREATED)
    assert "Camille" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_field_that_the_template_needs_is_named(template: Path) -> None:
    with pytest.raises(BrokenContract, match=r'sample\.typ.*"words"'):
        typeset(template, {"title": "x"}, created=CREATED)


@pytest.mark.parametrize("data", [{"x": float("nan")}, {"x": object()}, {"x": b"bytes"}])
def test_data_that_json_cannot_say_is_refused(template: Path, data: object) -> None:
    with pytest.raises(BrokenContract, match=r"sample\.typ.*not JSON"):
        typeset(template, data, created=CREATED)


def test_a_missing_template_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BrokenContract, match=r"absent\.typ"):
        typeset(tmp_path / "absent.typ", {}, created=CREATED)


def test_a_template_reaches_no_file_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "inner").mkdir()
    template = tmp_path / "inner" / "sample.typ"
    template.write_text('#set document(title: "x")\n#read("../secret.txt")\n')
    with pytest.raises(BrokenContract, match=r"sample\.typ"):
        typeset(template, {}, created=CREATED)


def test_an_instant_without_time_zone_is_refused(template: Path) -> None:
    with pytest.raises(ValueError, match="time zone"):
        typeset(template, words("x"), created=CREATED.replace(tzinfo=None))


async def test_the_event_loop_goes_on_while_a_page_is_typeset(template: Path) -> None:
    turns = 0
    task = asyncio.ensure_future(typeset_async(template, words("lorem ipsum " * 60_000), created=CREATED))
    while not task.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert (await task).startswith(b"%PDF-")
    assert turns > 20


async def test_documents_typeset_at_once_do_not_mix(template: Path) -> None:
    made = await asyncio.gather(*(typeset_async(template, words(f"page {n}"), created=CREATED) for n in range(8)))
    assert [text_of(pdf).split()[-1] for pdf in made] == [str(n) for n in range(8)]


def test_only_fonts_of_the_wheel_are_embedded(template: Path) -> None:
    # Arabic and old Italic send the compiler looking through every font that it knows.
    pdf = typeset(template, words("abc Ж مرحبا \U00010300 漢"), created=CREATED)
    fonts: Any = PdfReader(io.BytesIO(pdf)).pages[0]["/Resources"]
    names = {font.get_object()["/BaseFont"].split("+")[-1] for font in fonts["/Font"].values()}
    assert any("Libertinus" in name for name in names)
    assert all(re.match(r"/?(LibertinusSerif|NewCM|DejaVuSansMono)", name) for name in names)


def test_a_picture_is_a_png_that_does_not_depend_on_the_machine(template: Path) -> None:
    first = picture(template, words("Bonjour 😀"), created=CREATED, ppi=72)
    assert Image.open(io.BytesIO(first)).size == (595, 842)
    assert picture(template, words("Bonjour 😀"), created=CREATED, ppi=72) == first
