from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.stats.user_study.answers import read_answers

RATINGS = "rater,item,method,rating\nr1,i1,a,5\nr1,i1,b,3\nr2,i1,a,4\nr2,i1,b,4\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "study.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_ratings(tmp_path: Path) -> None:
    (answers,) = read_answers(write(tmp_path, RATINGS))
    assert (answers.kind, answers.question, answers.unit, answers.methods) == ("ratings", "study", "items", ("a", "b"))
    assert answers.frame["rating"].tolist() == [5, 3, 4, 4]
    assert set(answers.frame["cluster"]) == {"i1"}


def test_questions_are_apart_and_scenes_are_what_answers_depend_on(tmp_path: Path) -> None:
    text = "rater,item,scene,question,first,second,choice\n1,1,s,q1,a,b,neutral\n1,1,s,q2,b,c,c\n"
    first, second = read_answers(write(tmp_path, text))
    assert (first.question, second.question) == ("q1", "q2")
    assert (first.unit, first.frame["cluster"].tolist()) == ("scenes", ["s"])
    assert second.methods == ("b", "c")


def test_a_byte_order_mark_spaces_and_comments_are_no_cells(tmp_path: Path) -> None:
    text = (
        "\ufeff# head\nrater, item ,method,rating\n# a line, of more, cells, than, the, rest\nr1,i1,a, 5 \nr1,i1,b,3\n"
    )
    (answers,) = read_answers(write(tmp_path, text))
    assert answers.frame["rating"].tolist() == [5, 3]


def test_a_number_sign_within_a_cell_begins_no_comment(tmp_path: Path) -> None:
    text = 'rater,item,method,rating,scene\nr1,i1,a,5,cat#1\n"#2",i2,a,4,cat#2\n'
    (answers,) = read_answers(write(tmp_path, text))
    assert answers.frame["cluster"].tolist() == ["cat#1", "cat#2"]
    assert answers.frame["rater"].tolist() == ["r1", "#2"]


def test_comment_lines_count_in_the_line_of_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Expected 4 fields in line 4, saw 5"):
        read_answers(write(tmp_path, "# a\n# b\n" + RATINGS.replace("a,5", "a,5,6")))


def test_a_csv_that_is_not_utf_8_and_one_of_long_cells(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_bytes(RATINGS.replace("r1", "größe").encode("latin-1"))
    with pytest.raises(UserError, match=r"study\.csv is no CSV: 'utf-8' codec"):
        read_answers(path)
    long = "x" * 200_000
    (answers,) = read_answers(write(tmp_path, RATINGS.replace("r1", long)))
    assert set(answers.frame["rater"]) == {long, "r2"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RATINGS.replace("a,5", "a,5,6"), "Expected 4 fields in line 2, saw 5"),
        (
            "\n".join(f"{line},7" if n else line for n, line in enumerate(RATINGS.split())),
            "Expected 4 fields in line 2",
        ),
        (RATINGS.replace("item", "rater"), "has the column 'rater' twice"),
        ("", "is no CSV"),
        ("rater,item,method,rating\n", "has no row"),
        ("rater,item,rating\n1,1,1\n", "a study needs"),
        ("rater,item,method,rating,colour\n1,1,a,2,red\n", "has a column 'colour'"),
        (RATINGS.replace("5", "six"), "row 2: rating 'six' is no number"),
        (RATINGS.replace("5", "6"), "row 2: rating 6 is not on the scale 1 to 5"),
        (RATINGS + "r1,i1,a,2\n", "row 6: rater 'r1' answers this twice"),
        ("rater,item,first,second,choice\n1,1,a,b,c\n", "row 2: choice 'c' is none of 'a', 'b' or 'neutral'"),
        ("rater,item,first,second,choice\n1,1,a,a,a\n", "'a' is compared with itself"),
        ("rater,item,first,second,choice\n1,1,a,b,a\n1,1,b,a,a\n", "row 3: rater '1' answers this twice"),
        ("rater,item,method,rank\n1,1,a,1\n1,1,b,1\n", "rater '1' does not give item '1' the ranks 1 to 2"),
        ("rater,item,method,rank\n1,1,a,1\n1,1,b,2\n2,1,a,1\n", "rater '2' does not give"),
    ],
)
def test_a_malformed_study_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=r"study\.csv") as error:
        read_answers(write(tmp_path, text))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        read_answers(tmp_path / "none.csv")
