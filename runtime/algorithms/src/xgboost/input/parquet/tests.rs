//! Files as pandas, Spark and others write them, and damaged ones.

use std::{io::Write as _, sync::Arc};

use parquet::{
    basic::Type,
    data_type::{
        ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
        Int32Type, Int64Type, Int96, Int96Type,
    },
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::parser::parse_message_type,
};

use super::*;

/// Each number written as its column's type wants it; bytes as big-endian whole numbers.
type Group = Vec<Vec<f64>>;

fn write(schema: &str, groups: &[Group], pandas: Option<&str>) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message rows {{ {schema} }}")).unwrap());
    let said = |json: &str| vec![KeyValue::new("pandas".into(), Some(json.to_owned()))];
    let properties = WriterProperties::builder().set_key_value_metadata(pandas.map(said)).build();
    let mut bytes = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut bytes, schema.clone(), Arc::new(properties)).unwrap();
    for group in groups {
        let mut to = writer.next_row_group().unwrap();
        let mut columns = group.iter().zip(schema.get_fields());
        while let Some(mut column) = to.next_column().unwrap() {
            let (values, field) = columns.next().unwrap();
            write_column(&mut column, field.get_physical_type(), values);
            column.close().unwrap();
        }
        to.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

#[expect(clippy::cast_possible_truncation, reason = "the tests' numbers are small")]
fn write_column(column: &mut SerializedColumnWriter<'_>, of: Type, values: &[f64]) {
    let int32: Vec<_> = values.iter().map(|it| *it as i64 as i32).collect();
    let int64: Vec<_> = values.iter().map(|it| *it as i128 as i64).collect();
    let bytes: Vec<_> = int32.iter().map(|it| ByteArray::from(it.to_be_bytes().to_vec())).collect();
    let fixed: Vec<_> = bytes.iter().cloned().map(FixedLenByteArray::from).collect();
    let float: Vec<_> = values.iter().map(|it| *it as f32).collect();
    let moments = vec![Int96::new(); values.len()];
    let written = match of {
        Type::INT32 => column.typed::<Int32Type>().write_batch(&int32, None, None),
        Type::INT64 => column.typed::<Int64Type>().write_batch(&int64, None, None),
        Type::INT96 => column.typed::<Int96Type>().write_batch(&moments, None, None),
        Type::FLOAT => column.typed::<FloatType>().write_batch(&float, None, None),
        Type::DOUBLE => column.typed::<DoubleType>().write_batch(values, None, None),
        Type::BYTE_ARRAY => column.typed::<ByteArrayType>().write_batch(&bytes, None, None),
        Type::FIXED_LEN_BYTE_ARRAY => {
            column.typed::<FixedLenByteArrayType>().write_batch(&fixed, None, None)
        }
        Type::BOOLEAN => unreachable!("no test writes one"),
    };
    assert_eq!(written.unwrap(), values.len());
}

fn read_files(contents: &[Vec<u8>], threads: usize) -> Result<Option<Rows>, String> {
    let laid = contents.iter().enumerate().map(|(number, content)| {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let spans = vec![Span::plain(file.path().to_owned(), 0, content.len() as u64)];
        (file, ChannelFile { name: format!("part-{number}.parquet"), spans, gzip: false })
    });
    let (_held, files): (Vec<_>, Vec<_>) = laid.unzip();
    read(&files, threads).map_err(|failure| failure.to_string())
}

/// Labels and cells of files.
fn numbers(contents: &[Vec<u8>]) -> (Vec<f32>, Vec<f32>) {
    let rows = read_files(contents, 2).unwrap().unwrap();
    let Features::Dense { cells, .. } = rows.features else { panic!("Parquet is dense") };
    (rows.labels, cells)
}

/// What one column is read as, beside a label.
fn column(of: &str, values: &[f64]) -> Result<Vec<f32>, String> {
    let schema = format!("required float y; {of};");
    let content = write(&schema, &[vec![vec![1.0; values.len()], values.to_vec()]], None);
    let rows = read_files(&[content], 1)?.unwrap();
    let Features::Dense { cells, .. } = rows.features else { panic!("Parquet is dense") };
    Ok(cells)
}

const TWO: &str = "required float y; required float a;";

#[test]
fn groups_and_files_without_rows_are_passed_over() {
    let none = || write(TWO, &[vec![vec![], vec![]]], None);
    let one = write(TWO, &[vec![vec![], vec![]], vec![vec![1.0], vec![2.0]]], None);
    assert_eq!(numbers(&[none(), one, none()]), (vec![1.0], vec![2.0]));
    assert_eq!(read_files(&[none(), none()], 2), Ok(None));
    assert_eq!(read_files(&[write(TWO, &[], None)], 1), Ok(None));
}

#[test]
fn what_pandas_saved_as_its_index_is_no_column() {
    let schema = "required double id; required float y; required float a; \
                  required int64 __index_level_0__;";
    let group = vec![vec![9.0], vec![1.0], vec![2.0], vec![7.0]];
    let saved = |index: &str| {
        write(
            schema,
            std::slice::from_ref(&group),
            Some(&format!(r#"{{"index_columns":{index}}}"#)),
        )
    };
    let both = saved(r#"["__index_level_0__","id"]"#);
    assert_eq!(numbers(&[both]), (vec![1.0], vec![2.0]));
    let range = saved(r#"[{"kind":"range","name":null,"start":0,"stop":1,"step":1}]"#);
    assert_eq!(numbers(&[range]), (vec![9.0], vec![1.0, 2.0, 7.0]));
}

#[test]
fn columns_of_several_files_are_joined_by_their_names() {
    let three = "required float y; required float a; required float b;";
    let first = write(three, &[vec![vec![1.0], vec![2.0], vec![3.0]]], None);
    let other = "required float b; required float a; required float y;";
    let other = write(other, &[vec![vec![6.0], vec![5.0], vec![4.0]]], None);
    let expected = (vec![1.0, 4.0], vec![2.0, 3.0, 5.0, 6.0]);
    assert_eq!(numbers(&[first.clone(), other]), expected);
    let narrow = write(TWO, &[vec![vec![1.0], vec![2.0]]], None);
    assert_eq!(
        read_files(&[first, narrow], 1).unwrap_err(),
        "ClientError: Failed to load parquet data with exception:\nfile 'part-1.parquet': it lacks \
         the columns [b] of the channel's first file, and has [], which that one lacks. All files \
         of a channel must have the same columns"
    );
    let alone = write("required float y;", &[vec![vec![1.0]]], None);
    assert!(read_files(&[alone], 1).unwrap_err().contains("no column behind the label"));
}

#[test]
fn each_type_of_number_is_read_as_what_it_means() {
    for (of, written, expected) in [
        ("required int32 a (INTEGER(32,false))", 4e9, 4e9),
        ("required int64 a (INTEGER(64,false))", 1.5e19, 1.5e19),
        ("required int32 a (UINT_32)", 4e9, 4e9),
        ("required int32 a (INTEGER(8,true))", -3.0, -3.0),
        ("required int32 a", -3.0, -3.0),
        ("required int32 a (DECIMAL(9,2))", -1234.0, -12.34),
        ("required int64 a (DECIMAL(18,3))", 1234.0, 1.234),
        ("required fixed_len_byte_array (4) a (DECIMAL(9,2))", -1234.0, -12.34),
        ("required binary a (DECIMAL(9,1))", 1234.0, 123.4),
    ] {
        assert_eq!(column(of, &[written]), Ok(vec![expected]), "{of}");
    }
}

#[test]
fn what_is_no_number_is_refused_with_its_type_and_an_advice() {
    let time = "convert it to a number, such as the days since a certain one";
    let words = "convert it to numbers, or leave it out";
    for (of, name, advice) in [
        ("required int32 a (DATE)", "Date", time),
        ("required int64 a (TIMESTAMP(MILLIS,true))", "Timestamp", time),
        ("required int64 a (TIME(MICROS,true))", "Time", time),
        ("required int96 a", "Timestamp", time),
        ("required binary a (UTF8)", "String", words),
        ("required binary a", "Bytes", words),
    ] {
        assert_eq!(
            column(of, &[1.0]).unwrap_err(),
            format!(
                "ClientError: Failed to load parquet data with exception:\nfile 'part-0.parquet': \
                 the column 'a' is of the type {name}, which is no number: {advice}"
            )
        );
    }
}

#[test]
fn a_number_that_cannot_be_learned_is_told_with_its_place() {
    let told = |y: [f64; 2], a: [f64; 2]| {
        let schema = "required double y; required double a;";
        let group = |at: usize| vec![vec![y[at]], vec![a[at]]];
        read_files(&[write(schema, &[group(0), group(1)], None)], 2).unwrap_err()
    };
    for (y, a, what) in [
        ([1.0, 2.0], [3.0, f64::NEG_INFINITY], "row 2, column 'a': the value is infinite, or"),
        ([1.0, 2.0], [1e39, 4.0], "row 1, column 'a': the value is infinite, or too large"),
        ([1.0, f64::INFINITY], [3.0, 4.0], "row 2: the label is infinite, or too large"),
        ([1.0, f64::NAN], [3.0, 4.0], "row 2: the label is missing"),
    ] {
        let told = told(y, a);
        assert!(told.contains(what) && told.contains("'part-0.parquet'"), "{told}");
    }
}

#[test]
fn a_file_with_any_byte_damaged_is_read_or_is_the_users_to_mend() {
    let schema = "required float y; required int32 a; required binary b (DECIMAL(9,1));";
    let group = vec![vec![1.0, 2.0, 1.0], vec![3.0, 3.0, 4.0], vec![5.0, 5.0, 6.0]];
    let whole = write(schema, &[group], None);
    let mut refused = 0;
    for at in 0..whole.len() {
        for value in [0, 0x7f, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] = value;
            if let Err(told) = read_files(&[damaged], 1) {
                assert!(told.starts_with("ClientError: "), "byte {at}: {told}");
                refused += 1;
            }
        }
    }
    assert!(refused > whole.len() / 4, "{refused} of {}", whole.len());
}
