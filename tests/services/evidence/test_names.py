from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evidence.names import MAX_CHARACTERS, cleaned, disposition, given_back

EXHIBIT = "22222222-2222-4222-8222-222222222222"


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("capture.png", "capture.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\moi\\photo.jpg", "photo.jpg"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("nul\0octet.txt", "nuloctet.txt"),
        ("deux\r\nlignes.txt", "deuxlignes.txt"),
        ("  . espaces   .  ", "espaces"),
        ('a"b<c>d:e.txt', "a_b_c_d_e.txt"),
        ("e\u0301te\u0301.txt", "été.txt"),
        ("..", ""),
        ("", ""),
        ("dossier/", ""),
        ("x" * 4096 + ".jpeg", "x" * (MAX_CHARACTERS - 5) + ".jpeg"),
        ("x" * 4096, "x" * MAX_CHARACTERS),
        ("x" * 130 + "." + "y" * 11, "x" * MAX_CHARACTERS),
    ],
)
def test_a_name_is_made_harmless(name, clean):
    assert cleaned(name) == clean


@given(st.text(max_size=300))
def test_no_name_keeps_what_could_mislead(name):
    clean = cleaned(name)
    assert len(clean) <= MAX_CHARACTERS
    assert not {"/", "\\", "\0", "\r", "\n", '"', ";"} & set(clean)
    assert all(unicodedata.category(one) not in {"Cc", "Cf", "Cs"} for one in clean)
    assert cleaned(clean) == clean
    disposition(given_back(name, "image/png", EXHIBIT)).encode("ascii")


@pytest.mark.parametrize(
    ("name", "kind", "back"),
    [
        ("photo.jpg.exe", "image/jpeg", "photo.jpg.jpg"),
        ("capture", "image/png", "capture.png"),
        ("", "application/pdf", "22222222.pdf"),
        ("x.unknown", "application/x-odd", "x.bin"),
        (".png", "image/png", "png.png"),
    ],
)
def test_a_file_is_given_back_with_the_extension_of_what_it_is(name, kind, back):
    assert given_back(name, kind, EXHIBIT) == back


def test_the_disposition_speaks_both_old_and_new():
    assert disposition("été.png") == "attachment; filename=\"_t_.png\"; filename*=UTF-8''%C3%A9t%C3%A9.png"
