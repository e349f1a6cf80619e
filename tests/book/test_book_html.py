from depthactors.book.html import ladder_html, table_html


def test_texts_are_escaped():
    html = table_html("a<b", ["x&y"], [["<script>", 1, None]])
    assert html == (
        "<table><caption>a&lt;b</caption><thead><tr><th>x&amp;y</th></tr></thead>"
        "<tbody><tr><td>&lt;script&gt;</td><td>1</td><td></td></tr></tbody></table>"
    )


def test_a_ladder_has_ten_rows_at_most_and_room_for_a_short_side():
    html = ladder_html("t", [(str(price), "1") for price in range(30, 0, -1)], [("31", "2")])
    assert html.count("<tr>") == 11
    assert "<td>1</td><td>30</td><td>31</td><td>2</td>" in html
    assert "<td>1</td><td>21</td><td></td><td></td>" in html
