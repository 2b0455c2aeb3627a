//! What must hold of a server that has come back.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::Method;

use crate::{
    chance::Chance,
    client::{Client, Target},
    content::Piece,
    journal::{Ending, Journal, Name, Pending, Value},
    load::{BUCKETS, KEEPING, path, shows},
    strays,
};

/// What a check went through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    /// Keys whose value was compared.
    pub keys: usize,
    /// Uploads that were continued.
    pub uploads: usize,
}

/// Looks at everything; the first thing that is wrong is the error.
pub async fn check(target: &Target, journal: &Journal, data: &Path) -> Result<Checked> {
    let mut checker = Checker { client: Client::connect(target).await?, journal };
    checker.make_buckets().await?;
    let keys = checker.keys().await? + checker.versions().await?;
    let uploads = checker.uploads().await?;
    checker.lists().await?;
    strays::check(data).await?;
    Ok(Checked { keys, uploads })
}

struct Checker<'a> {
    client: Client,
    journal: &'a Journal,
}

impl Checker<'_> {
    /// Those of the load. One whose making was cut off is made now.
    async fn make_buckets(&mut self) -> Result<()> {
        for bucket in BUCKETS {
            self.client.ask(Method::PUT, &format!("/{bucket}"), Bytes::new()).await?.success()?;
        }
        let enable = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        let path = format!("/{KEEPING}?versioning");
        self.client.ask(Method::PUT, &path, enable.into()).await?.success()?;
        Ok(())
    }

    /// Every version that was acknowledged is there. Afterwards only the last of each key stays, so
    /// that a long campaign does not fill the disk.
    async fn versions(&mut self) -> Result<usize> {
        let versions = self.journal.take_versions();
        for (name, id, object) in &versions {
            let answer = self.client.get(&format!("{}?versionId={id}", path(name))).await?;
            let fits = shows(&answer, &Some(object.clone()));
            ensure!(fits, "version {id} of {name:?} is lost or torn: {}", answer.said());
        }
        let list = self.client.get(&format!("/{KEEPING}?versions")).await?.success()?;
        let latest = list.texts("IsLatest").into_iter().map(|latest| latest == "true");
        let ids = list.texts("VersionId").into_iter().zip(latest);
        for (key, (id, latest)) in list.texts("Key").into_iter().zip(ids) {
            if !latest {
                let end = format!("/{KEEPING}/{key}?versionId={id}");
                self.client.ask(Method::DELETE, &end, Bytes::new()).await?.success()?;
            }
        }
        Ok(versions.len())
    }

    /// Every key stands for something that was written and not replaced.
    async fn keys(&mut self) -> Result<usize> {
        let names = self.journal.names();
        for name in &names {
            self.settle(name).await?;
        }
        Ok(names.len())
    }

    async fn settle(&mut self, name: &Name) -> Result<()> {
        let possible = self.journal.possible(name);
        let answer = self.client.get(&path(name)).await.with_context(|| format!("{name:?}"))?;
        let found = possible.iter().find(|value| shows(&answer, value));
        let found = found.with_context(|| {
            format!("{name:?} is lost or torn: {}; possible was {possible:?}", answer.said())
        })?;
        self.journal.settle(name, found.clone());
        Ok(())
    }

    /// Every upload has its parts; what the death cut short is done again, the others go either way.
    async fn uploads(&mut self) -> Result<usize> {
        let known = self.journal.uploads();
        self.end_strangers(&known).await?;
        let mut chance = Chance::new()?;
        // First those whose end was on its way: another upload may be for the same key.
        let mut in_order: Vec<_> = known.iter().collect();
        in_order.sort_by_key(|(_, upload)| upload.ending.is_none());
        for (id, upload) in in_order {
            match upload.ending {
                Some(Ending::Completed) => self.complete_again(id, upload).await,
                Some(Ending::Aborted) => self.abort_again(id, upload).await,
                None => self.go_on(id, upload, chance.percent(50)).await,
            }
            .with_context(|| format!("upload {id}: {upload:?}"))?;
            self.journal.close(id);
        }
        Ok(known.len())
    }

    /// Uploads that began without an answer.
    async fn end_strangers(&mut self, known: &BTreeMap<String, Pending>) -> Result<()> {
        for bucket in BUCKETS {
            let list = self.client.get(&format!("/{bucket}?uploads")).await?.success()?;
            for (id, key) in list.texts("UploadId").iter().zip(list.texts("Key")) {
                if !known.contains_key(id) {
                    let end = format!("/{bucket}/{key}?uploadId={id}");
                    self.client.ask(Method::DELETE, &end, Bytes::new()).await?.success()?;
                }
            }
        }
        Ok(())
    }

    async fn complete_again(&mut self, id: &str, upload: &Pending) -> Result<()> {
        let parts: Vec<_> =
            upload.parts.iter().map(|(number, piece)| (*number, piece.etag())).collect();
        self.complete(id, upload, &parts, Some(upload.object())).await
    }

    async fn abort_again(&mut self, id: &str, upload: &Pending) -> Result<()> {
        let end = format!("{}?uploadId={id}", path(&upload.name));
        let answer = self.client.ask(Method::DELETE, &end, Bytes::new()).await?;
        let ended = answer.status.is_success() || answer.status == 404;
        ensure!(ended, "cannot be aborted: {}", answer.said());
        self.settle(&upload.name).await
    }

    async fn go_on(&mut self, id: &str, upload: &Pending, complete: bool) -> Result<()> {
        let list = format!("{}?uploadId={id}", path(&upload.name));
        let found = self.client.get(&list).await?.success()?;
        let numbers = found.texts("PartNumber").into_iter();
        let numbers = numbers.map(|number| number.parse()).collect::<Result<Vec<u32>, _>>()?;
        let listed: BTreeMap<u32, String> = numbers.into_iter().zip(found.texts("ETag")).collect();
        for number in upload.parts.keys() {
            ensure!(listed.contains_key(number), "part {number} was acknowledged and is gone");
        }
        let mut pieces = Vec::new();
        for (number, etag) in &listed {
            pieces.push(piece_of(upload, *number, etag)?);
        }
        if !complete || listed.is_empty() {
            return self.abort_again(id, upload).await;
        }
        let parts: Vec<_> = listed.into_iter().collect();
        self.complete(id, upload, &parts, Some(crate::content::Object::Parts(pieces))).await
    }

    async fn complete(
        &mut self,
        id: &str,
        upload: &Pending,
        parts: &[(u32, String)],
        made: Value,
    ) -> Result<()> {
        let ticket = self.journal.begin(&upload.name, made);
        let end = format!("{}?uploadId={id}", path(&upload.name));
        self.client.complete(&end, parts).await?.success()?;
        self.journal.acknowledge(&ticket);
        self.settle(&upload.name).await
    }

    /// Each list is what single reads found.
    async fn lists(&mut self) -> Result<()> {
        for bucket in BUCKETS {
            let list = self.client.get(&format!("/{bucket}?list-type=2")).await?.success()?;
            ensure!(list.text("IsTruncated")? == "false", "more keys than one page holds");
            let keys = list.texts("Key").into_iter();
            let told = list.texts("ETag").into_iter().zip(list.texts("Size"));
            let listed: BTreeMap<String, (String, String)> = keys.zip(told).collect();
            let single = self.expected(bucket);
            ensure!(
                listed == single,
                "{bucket} lists {listed:?}, and single reads find {single:?}"
            );
        }
        Ok(())
    }

    fn expected(&self, bucket: &str) -> BTreeMap<String, (String, String)> {
        let names = self.journal.names().into_iter().filter(|name| name.bucket == bucket);
        let held = names.filter_map(|name| {
            let object = self.journal.possible(&name).into_iter().next()??;
            Some((name.key, (object.etag(), object.len().to_string())))
        });
        held.collect()
    }
}

/// The piece that a listed part is: the one that was acknowledged, or the one on its way.
fn piece_of(upload: &Pending, number: u32, etag: &str) -> Result<Piece> {
    let sent = upload.sending.filter(|(sending, _)| *sending == number).map(|(_, piece)| piece);
    let known = upload.parts.get(&number).copied();
    let fitting = known.into_iter().chain(sent).find(|piece| piece.etag() == etag);
    fitting.with_context(|| format!("part {number} has an ETag that nobody sent: {etag}"))
}
