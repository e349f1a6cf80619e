"""The picture of the demo: what is on the screen, in a file."""

from xml.etree import ElementTree as ET

from depthactors.cli.drawing import Drawing
from depthactors.cli.picture import save
from tests.cli.looks import Still, deep, look


def test_the_picture_has_the_books_side_by_side(tmp_path):
    books = [Still(look(deep(20), symbol=symbol)) for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT")]
    save(Drawing(books).ladders(120, 24), 120, tmp_path / "ladders.svg", "depthactors demo")
    picture = ET.parse(tmp_path / "ladders.svg").getroot()
    words = "".join(picture.itertext()).replace("\xa0", " ")
    assert "depthactors demo" in words
    assert words.count("USDT spot 100 ms") == 3
    assert words.count("100.01") >= 3
