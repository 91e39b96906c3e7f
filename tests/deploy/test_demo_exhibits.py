from __future__ import annotations

import email
import hashlib
import io
import re
from datetime import UTC, date, datetime, timedelta
from email.policy import default
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET

import pytest
from PIL import ExifTags, Image, ImageStat
from pypdf import PdfReader

from deploy.demo import people
from deploy.demo.exhibits import FIRST_DAY, SampleExhibit, sample_exhibits
from shared.clock import PARIS


@pytest.fixture(scope="module")
def exhibits() -> list[SampleExhibit]:
    return sample_exhibits()


def of_type(exhibits: list[SampleExhibit], media_type: str) -> list[SampleExhibit]:
    return [item for item in exhibits if item.media_type == media_type]


def test_six_exhibits_of_five_file_types_have_names_of_their_own(exhibits: list[SampleExhibit]) -> None:
    assert [item.kind for item in exhibits] == ["screenshot", "screenshot", "e-mail", "sms", "post", "photo"]
    assert len({item.name for item in exhibits}) == 6
    assert len({hashlib.sha256(item.content).digest() for item in exhibits}) == 6


def test_the_same_first_day_gives_the_same_bytes_and_another_gives_others(exhibits: list[SampleExhibit]) -> None:
    assert sample_exhibits(FIRST_DAY) == exhibits
    later = sample_exhibits(FIRST_DAY + timedelta(days=200))
    assert all(a.content != b.content for a, b in zip(exhibits, later, strict=True))
    assert later[0].declared.day == FIRST_DAY + timedelta(days=200)


def test_every_act_is_declared_whole_in_the_ten_days(exhibits: list[SampleExhibit]) -> None:
    for item in exhibits:
        assert FIRST_DAY <= item.declared.day <= FIRST_DAY + timedelta(days=9)
        assert item.declared.words
        assert item.declared.author
        assert item.declared.platform


def test_the_screenshots_are_telephone_pictures_with_something_on_them(exhibits: list[SampleExhibit]) -> None:
    for item in of_type(exhibits, "image/png"):
        image = Image.open(io.BytesIO(item.content))
        assert image.format == "PNG"
        assert image.size == (780, 1520)
        assert min(ImageStat.Stat(image.convert("L")).stddev) > 20


def test_the_e_mail_says_what_is_declared(exhibits: list[SampleExhibit]) -> None:
    (item,) = of_type(exhibits, "message/rfc822")
    message = email.message_from_bytes(item.content, policy=default)
    sent = parsedate_to_datetime(message["Date"])
    assert (sent.astimezone(PARIS).date(), sent.hour, sent.minute) == (item.declared.day, 18, 3)
    assert message["From"].addresses[0].addr_spec == item.declared.author
    assert item.declared.words in message.get_content()
    received = [parsedate_to_datetime(line.rpartition(";")[2].strip()) for line in message.get_all("Received", [])]
    assert received[0] > received[1] > sent


def test_the_sms_export_says_what_is_declared(exhibits: list[SampleExhibit]) -> None:
    (item,) = of_type(exhibits, "application/xml")
    root = ET.fromstring(item.content)
    messages = root.findall("sms")
    assert root.get("count") == str(len(messages)) == "3"
    first = messages[0]
    assert first.get("body") == item.declared.words
    assert first.get("address") == item.declared.author
    instant = datetime.fromtimestamp(int(first.get("date", "0")) / 1000, UTC).astimezone(PARIS)
    assert instant.date() == item.declared.day
    assert instant.time().replace(second=0) == item.declared.hour


def test_the_forum_page_says_what_is_declared(exhibits: list[SampleExhibit]) -> None:
    (item,) = of_type(exhibits, "application/pdf")
    (page,) = PdfReader(io.BytesIO(item.content)).pages
    text = " ".join(page.extract_text().split())
    assert item.declared.words in text
    assert item.declared.author in text
    assert "16 h 08" in text
    assert item.declared.url is not None
    assert item.declared.url in text


def test_the_photograph_carries_its_hour_and_no_place(exhibits: list[SampleExhibit]) -> None:
    (item,) = of_type(exhibits, "image/jpeg")
    image = Image.open(io.BytesIO(item.content))
    assert image.format == "JPEG"
    exif = image.getexif()
    details = exif.get_ifd(ExifTags.IFD.Exif)
    assert details[ExifTags.Base.DateTimeOriginal] == f"{item.declared.day:%Y:%m:%d} 23:07:41"
    assert details[ExifTags.Base.OffsetTimeOriginal] == "+02:00"
    assert not exif.get_ifd(ExifTags.IFD.GPSInfo)


def test_winter_acts_carry_the_winter_offset() -> None:
    item = sample_exhibits(date(2026, 12, 1))[-1]
    details = Image.open(io.BytesIO(item.content)).getexif().get_ifd(ExifTags.IFD.Exif)
    assert details[ExifTags.Base.OffsetTimeOriginal] == "+01:00"


def test_every_domain_is_kept_for_examples(exhibits: list[SampleExhibit]) -> None:
    said = " ".join(
        [item.declared.url or "" for item in exhibits]
        + [item.content.decode() for item in exhibits if item.media_type == "message/rfc822"]
        + list(people.SEARCHED)
    )
    domains = re.findall(r"(?:https?://|@)([a-z0-9.-]+)", said)
    assert len(domains) > 8
    assert all(domain.endswith((".example", ".invalid", "example.org")) for domain in domains)


def test_every_telephone_number_is_of_the_range_kept_for_fiction() -> None:
    numbers = [text for text in people.SEARCHED if text.startswith("+")]
    assert len(numbers) == 3
    assert all(re.fullmatch(r"\+33639 ?98\d{4}", number) for number in numbers)


def test_the_searched_list_holds_every_person_and_account() -> None:
    for person in (people.VICTIM, people.GUARDIAN):
        assert {person.name, person.email, person.phone} <= set(people.SEARCHED)
    for author in people.AUTHORS:
        assert {author.handle, author.permanent_id} <= set(people.SEARCHED)


def test_the_victim_is_fourteen_on_the_first_day() -> None:
    born = people.VICTIM.birth_day
    assert FIRST_DAY.year - born.year - ((FIRST_DAY.month, FIRST_DAY.day) < (born.month, born.day)) == 14
