//! Filters and joins, as the developer guide shows them.

use proptest::prelude::*;

use super::*;

fn processing(format: Format, input: &str, output: &str, join: bool) -> Processing {
    let path = |text| JsonPath::parse(text, format).unwrap();
    Processing { format, input: path(input), output: path(output), join }
}

fn sent(format: Format, path: &str, text: &str) -> Result<String, String> {
    let kept = request(&processing(format, path, "$", false), text.as_bytes());
    told(kept)
}

fn kept(
    format: Format,
    path: &str,
    join: bool,
    record: &str,
    reply: &str,
) -> Result<String, String> {
    let processing = processing(format, "$", path, join);
    told(answer(&processing, record.as_bytes(), reply.as_bytes()))
}

fn told(kept: Result<Vec<u8>, Unprocessed>) -> Result<String, String> {
    match kept {
        Ok(bytes) => Ok(String::from_utf8(bytes).unwrap()),
        Err(Unprocessed { record, why }) => Err(format!("{record}: {why}")),
    }
}

#[test]
fn columns_are_chosen_by_index_and_slice() {
    let rows = "id1,1.50,2e3\r\nid2,,-0\n\n";
    for (path, expected) in [
        ("$", "id1,1.50,2e3\nid2,,-0\n"),
        ("$[*]", "id1,1.50,2e3\nid2,,-0\n"),
        ("$[1:]", "1.50,2e3\n,-0\n"),
        ("$[:1]", "id1,1.50\nid2,\n"),
        ("$[0]", "id1\nid2\n"),
        ("$[-1,0]", "2e3,id1\n-0,id2\n"),
        ("$[0,1:]", "id1,1.50,2e3\nid2,,-0\n"),
        ("$[-2:-1]", "1.50,2e3\n,-0\n"),
    ] {
        assert_eq!(sent(Format::Csv, path, rows).unwrap(), expected, "{path}");
    }
}

#[test]
fn commas_between_quotes_are_a_cells_own() {
    let rows = "\"a,b\",\"say \"\"1,2\"\"\",3\n";
    let sent = |path| sent(Format::Csv, path, rows).unwrap();
    assert_eq!(sent("$[0]"), "\"a,b\"\n");
    assert_eq!(sent("$[1]"), "\"say \"\"1,2\"\"\"\n");
    assert_eq!(sent("$[1:]"), "\"say \"\"1,2\"\"\",3\n");
    assert_eq!(sent("$[2:]"), "3\n");
}

#[test]
fn a_quote_opens_a_cell_only_as_its_first_byte() {
    let rows = "6\" pipe,b\"c,\"d\"e,\"\"\"\"\n";
    let sent = |path| sent(Format::Csv, path, rows);
    assert_eq!(sent("$[0]").unwrap(), "6\" pipe\n");
    assert_eq!(sent("$[1,3]").unwrap(), "b\"c,\"\"\"\"\n");
    assert_eq!(sent("$[2:]").unwrap(), "\"d\"e,\"\"\"\"\n");
    for (path, join) in [("$", false), ("$[0:]", false), ("$[1:]", false), ("$", true)] {
        let told = kept(Format::Csv, path, join, "7", "1,\"2,3\n").unwrap_err();
        assert!(told.ends_with("a quote is not closed in its line"), "{path}");
    }
}

#[test]
fn a_joined_row_is_followed_by_its_answer() {
    let joined = |path| kept(Format::Csv, path, true, "7,1,2\n8,3,4", "0.5\n0.25,x\n");
    assert_eq!(joined("$").unwrap(), "7,1,2,0.5\n8,3,4,0.25,x\n");
    assert_eq!(joined("$[0,3:]").unwrap(), "7,0.5\n8,0.25,x\n");
    assert_eq!(joined("$[0,-1]").unwrap(), "7,0.5\n8,x\n");
    let answers = kept(Format::Csv, "$[0]", false, "7\n8", "0.5,1\n0.25,2\n");
    assert_eq!(answers.unwrap(), "0.5\n0.25\n");
}

#[test]
fn what_cannot_be_done_names_the_record() {
    let csv = |path, text| sent(Format::Csv, path, text).unwrap_err();
    assert_eq!(
        csv("$[2]", "1,2,3\n4,5\n"),
        "1: Invalid JsonPath: $[2]: index 2 is not within the dimension size 2"
    );
    assert!(csv("$[1:]", "1,2\n3\n").starts_with("1: Invalid JsonPath: $[1:]"));
    assert!(csv("$[1:]", "\n1,2\n \n3\n").starts_with("3: "), "blank lines have numbers");
    let answered = kept(Format::Csv, "$[1]", false, "\n7\n\n8\n", "0,1\n2\n").unwrap_err();
    assert!(answered.starts_with("3: "), "{answered}");
    let joined = kept(Format::Csv, "$[-3]", true, "\n7,1\n\n8\n", "0\n2\n").unwrap_err();
    assert!(joined.starts_with("3: "), "{joined}");
    assert_eq!(
        csv("$[0]", "\"a\nb\",1\n"),
        "0: Failed to parse input as CSV: a quote is not closed in its line"
    );
    let uneven = |record, reply| kept(Format::Csv, "$", true, record, reply).unwrap_err();
    let sentence = "the algorithm answered 1 records for 2, so they cannot be joined";
    assert_eq!(uneven("1\n2\n", "5\n"), format!("1: {sentence}"));
    assert!(uneven("1\n", "5\n6\n").starts_with("1: the algorithm answered 2 records for 1"));
    let json = |path, text| sent(Format::Json, path, text).unwrap_err();
    assert_eq!(json("$.a", "{\"b\":1}"), "0: Invalid JsonPath: $.a: there is no \"a\"");
    assert_eq!(json("$[0]", "{}"), "0: Invalid JsonPath: $[0]: what it is applied to is no array");
    assert!(json("$", "{\"a\":").starts_with("0: Failed to parse input as JSON: "));
}

#[test]
fn documents_keep_the_text_of_what_is_selected() {
    let document =
        r#"{"id": 1.50, "features": [1e2, {"x": "é"}, 3], "b": {"c": 10000000000000000001}}"#;
    for (path, expected) in [
        ("$.features", r#"[1e2, {"x": "é"}, 3]"#),
        ("$.features[0]", "1e2"),
        ("$.features[0,-1]", "[1e2,3]"),
        ("$.features[1:]", r#"[{"x": "é"},3]"#),
        ("$.features[1].x", r#""é""#),
        ("$['id','b']", r#"{"id":1.50,"b":{"c": 10000000000000000001}}"#),
        ("$.b.*", "[10000000000000000001]"),
        ("$.features[*]", r#"[1e2,{"x": "é"},3]"#),
        ("$", document),
    ] {
        assert_eq!(sent(Format::Json, path, document).unwrap(), expected, "{path}");
    }
}

#[test]
fn an_answer_becomes_a_member_of_its_record() {
    let joined = |path, record| kept(Format::Json, path, true, record, " {\"label\":1}\n").unwrap();
    assert_eq!(joined("$", r#"{"key":1}"#), r#"{"key":1,"SageMakerOutput":{"label":1}}"#);
    assert_eq!(joined("$", "{}"), r#"{"SageMakerOutput":{"label":1}}"#);
    assert_eq!(joined("$", "[1,2]"), r#"{"SageMakerInput":[1,2],"SageMakerOutput":{"label":1}}"#);
    assert_eq!(
        joined("$", r#"{"SageMakerOutput":0,"a\n":"\u00e9"}"#),
        r#"{"a\n":"\u00e9","SageMakerOutput":{"label":1}}"#
    );
    assert_eq!(joined("$.SageMakerOutput.label", r#"{"key":1}"#), "1");
    let lines = kept(
        Format::JsonLines,
        "$['id','SageMakerOutput']",
        true,
        "{\"id\":7,\"x\":1}\n{\"id\":8}\n",
        "0.5\n[1]\n",
    );
    let expected = "{\"id\":7,\"SageMakerOutput\":0.5}\n{\"id\":8,\"SageMakerOutput\":[1]}\n";
    assert_eq!(lines.unwrap(), expected);
}

/// Cells as RFC 4180 writes them.
fn any_row() -> impl Strategy<Value = Vec<String>> {
    let cell = prop_oneof![
        "[a-z0-9. -]{0,6}",
        "[a-z,\" ]{0,6}".prop_map(|text| format!("\"{}\"", text.replace('"', "\"\""))),
    ];
    prop::collection::vec(cell, 1..6)
        .prop_filter("no blank line", |cells| !cells.concat().trim().is_empty())
}

proptest! {
    #[test]
    fn any_choice_of_cells_is_that_of_an_array(
        rows in prop::collection::vec(any_row(), 0..5), first in -6_i64..6, last in -6_i64..6,
    ) {
        let text: String = rows.iter().map(|cells| cells.join(",") + "\n").collect();
        let span = platform::transform::Span { first: Some(first), last: Some(last) };
        let expected: Option<String> = rows.iter().map(|cells| {
            let (first, last) = span.within(cells.len()).ok()?;
            Some(cells[first..=last].join(",") + "\n")
        }).collect();
        let sent = sent(Format::Csv, &format!("$[{first}:{last}]"), &text);
        prop_assert_eq!(sent.ok(), expected);
        let open = sent_open(first, &text);
        let span = platform::transform::Span { first: Some(first), last: None };
        let expected: Option<String> = rows.iter().map(|cells| {
            let (first, last) = span.within(cells.len()).ok()?;
            Some(cells[first..=last].join(",") + "\n")
        }).collect();
        prop_assert_eq!(open, expected);
    }

    #[test]
    fn rows_that_are_malformed_are_the_same_to_every_way_of_reading_them(
        row in "[a,\" ]{0,12}", first in 0_i64..4,
    ) {
        let short = sent_open(first, &row);
        let long = sent(Format::Csv, &format!("$[{first}:-1]"), &row).ok();
        prop_assert_eq!(short, long);
    }

    #[test]
    fn any_bytes_end_without_a_panic(record: Vec<u8>, reply: Vec<u8>, text in "[\\[\\]{}\",:0-9a\n]{0,40}") {
        for format in [Format::Csv, Format::Json, Format::JsonLines] {
            for path in ["$", "$[0]", "$[1:]", "$[*]"] {
                let processing = processing(format, path, path, true);
                for record in [&record[..], text.as_bytes()] {
                    let _ = request(&processing, record);
                    let _ = answer(&processing, record, &reply);
                    let _ = answer(&processing, record, text.as_bytes());
                }
            }
        }
    }
}

fn sent_open(first: i64, text: &str) -> Option<String> {
    sent(Format::Csv, &format!("$[{first}:]"), text).ok()
}
