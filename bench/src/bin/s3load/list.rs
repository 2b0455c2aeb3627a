//! Listing a bucket page by page. Each page's request needs the token of the one before, so these
//! are signed while the clock runs; the server's CPU time does not see it.

use std::time::Duration;

use anyhow::{Result, ensure};
use aws::sigv4::Payload;
use bench::{
    client::Connection,
    measure::{Measured, timed, together},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Load;

impl Load<'_> {
    pub fn list(&self, prefix: &str, count: usize) -> Result<Measured> {
        together(&self.arguments.pid, 1, |_| {
            let mut connection = Connection::open(self.arguments.port)?;
            Ok(move || self.pages(&mut connection, prefix, count))
        })
    }

    fn pages(
        &self,
        connection: &mut Connection,
        prefix: &str,
        count: usize,
    ) -> Result<Vec<Duration>> {
        let (mut latencies, mut found, mut token) = (Vec::new(), 0, String::new());
        loop {
            let mut page = Vec::new();
            let request = self.page(prefix, &token)?;
            latencies.push(timed(|| connection.exchange(&[&request], &mut page))?);
            let page = String::from_utf8(page)?;
            found += page.matches("<Key>").count();
            match element(&page, "NextContinuationToken") {
                Some(next) => token = unescaped(next),
                None => break,
            }
        }
        ensure!(found == count, "{found} keys were listed instead of {count}");
        Ok(latencies)
    }

    fn page(&self, prefix: &str, token: &str) -> Result<Vec<u8>> {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let from = match token {
            "" => String::new(),
            token => format!("&continuation-token={}", encoded(token)),
        };
        let query = format!("?list-type=2&max-keys=1000&prefix={}{from}", encoded(prefix));
        self.head("GET", &query, &Payload::Unsigned, 0)
    }
}

/// What stands in the first element of that name.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

fn unescaped(text: &str) -> String {
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, sign)| text.replace(entity, sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_the_server_meant_it() {
        let page = "<A><NextContinuationToken>a&amp;lt;b/&lt;=</NextContinuationToken></A>";
        assert_eq!(unescaped(element(page, "NextContinuationToken").unwrap()), "a&lt;b/<=");
        assert_eq!(element(page, "Key"), None);
    }
}
