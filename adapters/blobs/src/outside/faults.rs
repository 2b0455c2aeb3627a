//! What an outside store does wrong on the wire, played by a small server: errors are waited out,
//! what breaks off is taken up again, and wrong bytes are never handed on.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::aws::AmazonS3Builder;
use platform::objects::blobs::Blobs as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::place::Place;

/// The head of a request: its first line, and the range that it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    line: String,
    range: Option<String>,
}

type Script = Arc<Mutex<Vec<Vec<u8>>>>;
type Log = Arc<Mutex<Vec<Asked>>>;

/// A server that gives these answers, each on a connection of its own, and says what it was asked.
async fn answering(answers: Vec<Vec<u8>>) -> (String, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (script, log): (Script, Log) = (Arc::new(Mutex::new(answers)), Log::default());
    let asked = log.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            answer(stream, &script, &asked).await;
        }
    });
    (url, log)
}

async fn answer(mut stream: TcpStream, script: &Script, log: &Log) {
    let (read, mut write) = stream.split();
    let mut read = BufReader::new(read);
    let (mut asked, mut length, mut line) =
        (Asked { line: String::new(), range: None }, 0, String::new());
    while read.read_line(&mut line).await.unwrap() > 2 {
        let header = line.trim().to_lowercase();
        if asked.line.is_empty() {
            asked.line = line.trim().to_owned();
        } else if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        } else if let Some(value) = header.strip_prefix("range: ") {
            asked.range = Some(value.to_owned());
        }
        line.clear();
    }
    read.read_exact(&mut vec![0; length]).await.unwrap();
    log.lock().unwrap().push(asked);
    let answer = script.lock().unwrap().remove(0);
    write.write_all(&answer).await.unwrap();
}

fn said(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n\r\n{body}").into_bytes()
}

/// An answer to a range request; what it says and what it sends need not agree.
fn part(range: &str, length: usize, body: &str) -> Vec<u8> {
    let dated = "etag: \"e\"\r\nlast-modified: Mon, 01 Jan 2024 00:00:00 GMT";
    let sized = format!("content-range: bytes {range}\r\ncontent-length: {length}");
    said("206 Partial Content", &format!("{dated}\r\n{sized}"), body)
}

fn empty(status: &str) -> Vec<u8> {
    said(status, "etag: \"e\"\r\ncontent-length: 0", "")
}

fn outside(url: &str, data: &tempfile::TempDir) -> Outside {
    let Place::Outside(address) = format!("s3://b?endpoint={url}").parse().unwrap() else {
        panic!("an outside store")
    };
    let journal = Journal::open(data.path()).unwrap();
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = AmazonS3Builder::new()
        .with_bucket_name("b")
        .with_endpoint(url)
        .with_access_key_id("key")
        .with_secret_access_key("secret")
        .with_client_options(connect::options(&address))
        .with_retry(connect::retries());
    let store = Store::new(client.build().unwrap(), Path::default(), journal);
    Outside { store: Arc::new(store), copies: Arc::new(Copies::open(data.path()).unwrap()) }
}

async fn read(outside: &Outside, blob: Id, offset: u64, len: u64) -> io::Result<String> {
    let chunks: Vec<Bytes> = outside.read(blob, offset, len).try_collect().await?;
    Ok(String::from_utf8(chunks.concat()).unwrap())
}

#[tokio::test]
async fn a_busy_store_is_asked_again() {
    let data = tempfile::tempdir().unwrap();
    let busy = empty("503 Slow Down");
    let (url, log) = answering(vec![busy.clone(), busy, empty("200 OK")]).await;
    let outside = outside(&url, &data);
    let mut writer = outside.begin().await.unwrap();
    writer.write(Bytes::from_static(b"data")).await.unwrap();
    let blob = writer.id();
    writer.commit().await.unwrap();
    let line = format!("PUT /b/blobs/{blob} HTTP/1.1");
    assert_eq!(*log.lock().unwrap(), vec![Asked { line, range: None }; 3]);
}

#[tokio::test]
async fn a_refused_put_is_no_blob() {
    let data = tempfile::tempdir().unwrap();
    let (url, _) = answering(vec![empty("403 Forbidden")]).await;
    let outside = outside(&url, &data);
    let mut writer = outside.begin().await.unwrap();
    writer.write(Bytes::from_static(b"data")).await.unwrap();
    assert!(writer.commit().await.is_err());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_taken_up_where_it_was() {
    let data = tempfile::tempdir().unwrap();
    let answers = vec![part("2-9/20", 8, "234"), part("5-9/20", 5, "56789")];
    let (url, log) = answering(answers).await;
    assert_eq!(read(&outside(&url, &data), Id::random(), 2, 8).await.unwrap(), "23456789");
    let ranges: Vec<_> = log.lock().unwrap().iter().map(|asked| asked.range.clone()).collect();
    assert_eq!(ranges, [Some("bytes=2-9".to_owned()), Some("bytes=5-9".to_owned())]);
}

#[tokio::test]
async fn a_range_that_was_not_asked_for_is_not_handed_on() {
    let answers = [
        part("0-7/20", 8, "01234567"),
        part("2-5/6", 4, "2345"),
        said("200 OK", "etag: \"e\"\r\ncontent-length: 8", "01234567"),
        empty("404 Not Found"),
        empty("416 Range Not Satisfiable"),
    ];
    for wrong in answers {
        let data = tempfile::tempdir().unwrap();
        let (url, _) = answering(vec![wrong.clone()]).await;
        let read = read(&outside(&url, &data), Id::random(), 2, 8).await;
        assert!(read.is_err(), "{}: {read:?}", String::from_utf8_lossy(&wrong));
    }
}

#[tokio::test]
async fn another_object_under_the_same_name_does_not_continue_the_first() {
    let data = tempfile::tempdir().unwrap();
    let other = part("5-9/20", 5, "xxxxx");
    let other = String::from_utf8(other).unwrap().replace("\"e\"", "\"other\"");
    let (url, _) = answering(vec![part("2-9/20", 8, "234"), other.into_bytes()]).await;
    assert!(read(&outside(&url, &data), Id::random(), 2, 8).await.is_err());
}
