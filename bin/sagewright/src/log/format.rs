//! How a line of the log looks: time, level, who logs, and the fields as `name=value`.
//!
//! Every request writes one, so its words are copied rather than formatted: what the subscriber's own
//! format takes for a line is a twentieth of an invocation.

use std::{
    cell::RefCell,
    fmt::{self, Debug, Write},
};

use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Writes a line for each event.
pub struct Format;

/// Bytes of most lines.
const LINE: usize = 256;

impl<S, N> FormatEvent<S, N> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let told = event.metadata();
        let mut line = String::with_capacity(LINE);
        now(&mut line)?;
        line.push_str(level(*told.level(), to.has_ansi_escapes()));
        line.push_str(told.target());
        line.push(':');
        let mut fields = Fields(line);
        event.record(&mut fields);
        let Fields(mut line) = fields;
        line.push('\n');
        to.write_str(&line)
    }
}

/// UTC to the second. Microseconds and a `Z` go behind it, as the subscriber writes it.
const SECOND: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");

thread_local! {
    /// The second of the last line, and how it is written.
    static LAST: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) };
}

fn now(line: &mut String) -> fmt::Result {
    let now = OffsetDateTime::now_utc();
    let second = now.unix_timestamp();
    LAST.with_borrow_mut(|(last, written)| {
        if *last != second {
            *written = now.format(SECOND).map_err(|_| fmt::Error)?;
            *last = second;
        }
        line.push_str(written);
        Ok(())
    })?;
    // A million more has seven digits, of which the last six are these.
    let mut digits = itoa::Buffer::new();
    line.extend([".", &digits.format(1_000_000 + now.microsecond())[1..], "Z"]);
    Ok(())
}

/// A level between blanks, in its colour where there are colours.
fn level(level: Level, colours: bool) -> &'static str {
    match (level, colours) {
        (Level::ERROR, false) => " ERROR ",
        (Level::WARN, false) => "  WARN ",
        (Level::INFO, false) => "  INFO ",
        (Level::DEBUG, false) => " DEBUG ",
        (_, false) => " TRACE ",
        (Level::ERROR, true) => " \x1b[31mERROR\x1b[0m ",
        (Level::WARN, true) => " \x1b[33m WARN\x1b[0m ",
        (Level::INFO, true) => " \x1b[32m INFO\x1b[0m ",
        (Level::DEBUG, true) => " \x1b[34mDEBUG\x1b[0m ",
        (_, true) => " \x1b[35mTRACE\x1b[0m ",
    }
}

/// Appends fields to a line. The message has no name.
struct Fields(String);

/// What a sentence is called among the fields.
const MESSAGE: &str = "message";

impl Fields {
    /// What stands before a field's value.
    fn name(&mut self, field: &Field) {
        self.0.push(' ');
        if field.name() != MESSAGE {
            self.0.push_str(field.name());
            self.0.push('=');
        }
    }

    /// Appends what is formatted, which fails for nothing but a value's own fault: then the line has
    /// less of it.
    fn format(&mut self, value: fmt::Arguments<'_>) {
        let _ = OneLine(&mut self.0).write_fmt(value);
    }
}

/// Whether a text stands between quotes as it is.
fn is_plain(text: &str) -> bool {
    let plain = |byte| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
    // Without a way out of the loop, for then many bytes are looked at in one step.
    text.bytes().fold(true, |all, byte| all & plain(byte))
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        if field.name() == MESSAGE {
            self.format(format_args!("{value}"));
        } else if is_plain(value) {
            self.0.push('"');
            self.0.push_str(value);
            self.0.push('"');
        } else {
            self.format(format_args!("{value:?}"));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(field);
        self.0.push_str(itoa::Buffer::new().format(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.name(field);
        self.format(format_args!("{value:?}"));
    }
}

/// Escapes what would end the line, or be a terminal's to obey.
struct OneLine<'a>(&'a mut String);

impl Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive(char::is_control) {
            let Some((at, control)) =
                piece.char_indices().next_back().filter(|last| last.1.is_control())
            else {
                self.0.push_str(piece);
                continue;
            };
            self.0.push_str(&piece[..at]);
            self.0.extend(control.escape_default());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Page {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    /// What is written of an event, by our format and by the subscriber's own.
    fn written(log: impl Fn()) -> [String; 2] {
        let (ours, theirs) = (Page::default(), Page::default());
        let build = tracing_subscriber::fmt().with_ansi(false).with_writer(ours.clone());
        tracing::subscriber::with_default(build.event_format(Format).finish(), &log);
        let build = tracing_subscriber::fmt().with_ansi(false).with_writer(theirs.clone());
        tracing::subscriber::with_default(build.finish(), &log);
        [ours, theirs].map(|page| String::from_utf8(page.0.lock().unwrap().clone()).unwrap())
    }

    /// The same without the time.
    fn both(log: impl Fn()) -> [String; 2] {
        written(log).map(|text| text.split_once('Z').unwrap().1.to_owned())
    }

    #[test]
    fn the_time_is_as_the_subscriber_writes_it() {
        let form = |text: String| text.split_once('Z').unwrap().0.replace(char::is_numeric, "0");
        let [ours, theirs] = written(|| tracing::info!("it goes on")).map(form);
        assert_eq!(ours, theirs);
    }

    #[test]
    fn an_event_is_one_line_whatever_it_tells() {
        let shown = "a\nb \u{1b}[31m\u{9b}c";
        let [ours, _] = both(|| tracing::info!(job = %shown, text = shown, "{shown}"));
        assert_eq!(ours.matches(char::is_control).collect::<String>(), "\n");
        assert!(
            ours.contains(r"a\nb \u{1b}[31m\u{9b}c job=a\nb \u{1b}[31m\u{9b}c text="),
            "{ours}"
        );
    }

    #[test]
    fn a_line_is_as_the_subscriber_writes_it() {
        let error = io::Error::other("a \"word\"");
        let [ours, theirs] = both(|| {
            let (id, micros, shown) = ("i-1", 7_u64, "a b");
            tracing::info!(target: "access", id, account = "-", micros, share = 0.5, ok = true);
            tracing::warn!(job = %shown, error = ?error, quoted = "a \"b\" \u{1b}", "it {} on", "goes");
        });
        assert_eq!(ours.lines().next(), theirs.lines().next());
        let after = |text: &str| text.split('Z').nth(1).map(str::to_owned);
        assert_eq!(after(&ours), after(&theirs));
        assert!(ours.starts_with("  INFO access: id=\"i-1\" account=\"-\" micros=7"), "{ours}");
    }
}
