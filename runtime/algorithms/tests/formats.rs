//! The same rows in every format train the same model, to the bit.
//!
//! `SAGEWRIGHT_LIB` as for the eras.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod support;

use std::{fs, sync::Arc};

use parquet::{
    data_type::FloatType,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::parser::parse_message_type,
};
use recordio::{Numbers, Record, Tensor};
use support::Job;

/// A label and three features, none of them missing.
type Row = [f32; 4];

fn rows() -> Vec<Row> {
    let wave = |n: usize, step: usize| f32::from(u8::try_from(n * step % 97).unwrap()) / 8.0;
    (0..400)
        .map(|n| {
            let features = [wave(n, 13), wave(n, 31) - 4.0, wave(n * n, 7)];
            [features[0] - features[1] * features[2], features[0], features[1], features[2]]
        })
        .collect()
}

fn csv(rows: &[Row]) -> Vec<u8> {
    let line = |row: &Row| row.map(|value| value.to_string()).join(",") + "\n";
    rows.iter().map(line).collect::<String>().into_bytes()
}

fn libsvm(rows: &[Row]) -> Vec<u8> {
    let line = |row: &Row| format!("{} 0:{} 1:{} 2:{}\n", row[0], row[1], row[2], row[3]);
    rows.iter().map(line).collect::<String>().into_bytes()
}

fn recordio(rows: &[Row], features: impl Fn(&Row) -> Tensor) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in rows {
        let label = Tensor::dense(Numbers::Float32(vec![row[0]]));
        let record = Record { features: Some(features(row)), label: Some(label) };
        recordio::write(&record, &mut bytes);
    }
    bytes
}

fn dense(row: &Row) -> Tensor {
    Tensor::dense(Numbers::Float64(row[1..].iter().map(|value| f64::from(*value)).collect()))
}

fn sparse(row: &Row) -> Tensor {
    let numbers = Numbers::Float32(row[1..].to_vec());
    Tensor { numbers, keys: vec![0, 1, 2], shape: vec![3] }
}

/// In two row groups; the second feature may be null and never is.
fn parquet(rows: &[Row]) -> Vec<u8> {
    let schema =
        "message rows { required float y; required float a; optional float b; required float c; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut bytes = Vec::new();
    let properties = Arc::new(WriterProperties::default());
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
    for half in rows.chunks(rows.len() / 2) {
        let mut group = writer.next_row_group().unwrap();
        let mut at = 0;
        while let Some(mut column) = group.next_column().unwrap() {
            let values: Vec<f32> = half.iter().map(|row| row[at]).collect();
            let levels = vec![1; values.len()];
            let levels = (at == 2).then_some(&levels[..]);
            column.typed::<FloatType>().write_batch(&values, levels, None).unwrap();
            column.close().unwrap();
            at += 1;
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

const CHOSEN: [(&str, &str); 2] = [("num_round", "10"), ("max_depth", "4")];

#[test]
fn the_same_rows_train_the_same_model_in_every_format() {
    let rows = rows();
    let channels = [
        ("text/csv", csv(&rows)),
        ("text/libsvm", libsvm(&rows)),
        ("application/x-parquet", parquet(&rows)),
        ("application/x-recordio-protobuf", recordio(&rows, dense)),
        ("application/x-recordio-protobuf", recordio(&rows, sparse)),
    ];
    let mut models = Vec::new();
    for (form, content) in &channels {
        let channels = [("train", *form, &content[..]), ("validation", form, content)];
        let Some(job) = Job::on("3.2-0", &CHOSEN, &channels) else { return };
        assert!(job.log.contains("Train matrix has 400 rows and 3 columns"), "{}", job.log);
        models.push((job.printed("validation-rmse"), fs::read(job.model()).unwrap()));
    }
    assert_eq!(models[0].0.len(), 10);
    assert!(models.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_ranking_is_learned_by_its_queries() {
    let line = |n: usize| format!("{} qid:{} 0:{} 1:{}\n", n % 4, n / 4, n % 4, n % 7);
    let content: String = (0..200).map(line).collect();
    let chosen = [("num_round", "5"), ("objective", "rank:ndcg"), ("eval_metric", "ndcg")];
    let channels = [("train", "text/libsvm", content.as_bytes())];
    let Some(job) = Job::on("3.2-0", &chosen, &channels) else { return };
    job.model();
    assert_eq!(job.printed("train-ndcg").last().unwrap(), "1.00000");
}

#[test]
fn what_cannot_be_read_is_the_users_fault_and_is_named() {
    let rows = rows();
    let parquet = parquet(&rows);
    for (form, content, expected) in [
        (
            "text/libsvm",
            &b"1,2,3\n"[..],
            "First line '1,2,3...' of file 'train.csv' is not 'LIBSVM' format.",
        ),
        (
            "application/x-parquet",
            b"1,2,3\n",
            "Failed to load parquet data with exception:\nfile 'train.csv': ",
        ),
        (
            "application/x-parquet",
            &parquet[..parquet.len() - 9],
            "Failed to load parquet data with exception:\nfile 'train.csv': ",
        ),
        (
            "application/x-recordio-protobuf",
            b"1,2,3,4,5\n",
            "record 1 does not begin with the magic number",
        ),
        ("text/csv", b"", "No data in training channel path "),
        (
            "text/csv",
            b"1,2\n1,high\n",
            "line 2 of file 'train.csv', column 2: the value 'high' is not a number",
        ),
    ] {
        let Some(job) = Job::on("3.2-0", &CHOSEN, &[("train", form, content)]) else { return };
        let failure = job.failure();
        assert!(failure.starts_with("ClientError: ") && failure.contains(expected), "{failure}");
    }
}

#[test]
fn what_the_library_would_refuse_is_told_before_it_is_asked() {
    let csv = "text/csv";
    let narrow = b"1,2\n0,3\n";
    let wide = b"1,2,3\n0,3,4\n";
    for (channels, expected) in [
        (
            vec![("train", csv, &narrow[..]), ("validation", csv, wide)],
            "'validation' have 2 columns behind the label, those of 'train' 1.",
        ),
        (
            vec![("train", csv, &wide[..]), ("validation", csv, narrow)],
            "'validation' have 1 columns behind the label, those of 'train' 2.",
        ),
        (vec![("train", "text/libsvm", &b"1\n0\n"[..])], "there is no feature to learn from"),
        (
            vec![("train", "text/libsvm", &b"1:0 0:1\n0:0 0:2\n"[..])],
            "All weights of its rows are 0",
        ),
    ] {
        let Some(job) = Job::on("3.2-0", &CHOSEN, &channels) else { return };
        let failure = job.failure();
        assert!(failure.starts_with("ClientError: ") && failure.contains(expected), "{failure}");
    }
}

#[test]
fn a_grade_that_is_too_high_is_told_with_its_line() {
    let content = b"1 qid:1 0:1\n0 qid:1 0:2\n40 qid:2 0:3\n0 qid:2 0:4\n";
    let chosen = [("num_round", "2"), ("objective", "rank:ndcg")];
    let channels = [("train", "text/libsvm", &content[..])];
    let Some(job) = Job::on("3.2-0", &chosen, &channels) else { return };
    let failure = job.failure();
    assert!(failure.starts_with("ClientError: "), "{failure}");
    assert!(
        failure.contains("line 3 of file 'train.csv', column 1 has the label '40'"),
        "{failure}"
    );
}

#[test]
fn returns_alone_end_lines_however_numbers_are_read() {
    let line = |n: usize| format!("{n},{},{}\r", n % 7, n % 5);
    let content: String = (0..300).map(line).collect();
    for numbers in ["exact", "container"] {
        let channels = [("train", "text/csv", content.as_bytes())];
        let Some(job) = Job::reading(numbers, "3.2-0", &CHOSEN, &channels) else { return };
        assert!(job.log.contains("Train matrix has 300 rows and 2 columns"), "{}", job.log);
    }
}

#[test]
fn a_job_reads_numbers_as_it_is_told_and_its_log_says_how() {
    let content = b"1.5,0.1000000014901161,3\n2,female,4\n3,12x,nan\n4,high,6\n";
    let run = |numbers| Job::reading(numbers, "3.2-0", &CHOSEN, &[("train", "text/csv", content)]);
    let Some(job) = run("container") else { return };
    job.model();
    assert!(job.log.contains("Numbers in text are read by the container's own rules"));
    let warning = "3 cells of the channel 'train' are no numbers.";
    assert!(job.log.contains(warning), "{}", job.log);
    for exactly in ["", "exact"] {
        let job = run(exactly).unwrap();
        assert!(job.failure().contains("line 2 of file 'train.csv', column 2: the value 'female'"));
        assert!(job.log.contains("Numbers in text are read exactly"));
    }
    assert_eq!(
        run("roughly").unwrap().failure(),
        "ClientError: XGBOOST_NUMBERS is 'roughly'; it may be 'exact' or 'container'"
    );
}
