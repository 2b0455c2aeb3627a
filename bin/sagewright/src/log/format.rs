//! How a line of the log looks: time, level, who logs, and the fields as `name=value`.
//!
//! Every request writes one, so its words are copied rather than formatted: what the subscriber's own
//! format takes for a line is a twentieth of an invocation.

use std::fmt::{self, Debug, Write};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// Writes a line for each event.
pub struct Format;

impl<S, N> FormatEvent<S, N> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let told = event.metadata();
        SystemTime.format_time(&mut line)?;
        line.write_str(level(*told.level(), line.has_ansi_escapes()))?;
        line.write_str(told.target())?;
        line.write_char(':')?;
        let mut fields = Fields { line, result: Ok(()) };
        event.record(&mut fields);
        fields.result?;
        fields.line.write_char('\n')
    }
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

/// Writes fields. The message has no name.
struct Fields<'a> {
    line: Writer<'a>,
    result: fmt::Result,
}

/// What a sentence is called among the fields.
const MESSAGE: &str = "message";

impl Fields<'_> {
    fn add(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        let Self { line, result } = self;
        if result.is_ok() {
            *result = name(line, field.name()).and_then(|()| value(line));
        }
    }
}

fn name(line: &mut Writer<'_>, name: &str) -> fmt::Result {
    line.write_char(' ')?;
    if name == MESSAGE {
        return Ok(());
    }
    line.write_str(name)?;
    line.write_char('=')
}

/// Whether a text stands between quotes as it is.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, |line| {
            if field.name() == MESSAGE {
                return OneLine(line).write_str(value);
            }
            if !is_plain(value) {
                return write!(line, "{value:?}");
            }
            line.write_char('"')?;
            line.write_str(value)?;
            line.write_char('"')
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, |line| write!(OneLine(line), "{value:?}"));
    }
}

/// Escapes what would end the line, or be a terminal's to obey.
struct OneLine<'a, 'b>(&'a mut Writer<'b>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive(char::is_control) {
            let Some((at, control)) =
                piece.char_indices().next_back().filter(|last| last.1.is_control())
            else {
                self.0.write_str(piece)?;
                continue;
            };
            self.0.write_str(&piece[..at])?;
            write!(self.0, "{}", control.escape_default())?;
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

    /// What is written of an event, by our format and by the subscriber's own, without the time.
    fn both(log: impl Fn()) -> [String; 2] {
        let (ours, theirs) = (Page::default(), Page::default());
        let build = tracing_subscriber::fmt().with_ansi(false).with_writer(ours.clone());
        tracing::subscriber::with_default(build.event_format(Format).finish(), &log);
        let build = tracing_subscriber::fmt().with_ansi(false).with_writer(theirs.clone());
        tracing::subscriber::with_default(build.finish(), &log);
        [ours, theirs].map(|page| {
            let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
            text.split_once('Z').unwrap().1.to_owned()
        })
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
