//! Which origins browsers may call from.

use platform::objects::settings::{CorsRule, SettingsChange};
use s3s::dto::{
    CORSRule, DeleteBucketCorsInput, DeleteBucketCorsOutput, GetBucketCorsInput,
    GetBucketCorsOutput, PutBucketCorsInput, PutBucketCorsOutput,
};

use crate::s3::{Desk, ask::Ask, errors::Refused};

impl Desk {
    pub(in crate::s3) async fn get_bucket_cors(
        &self,
        input: GetBucketCorsInput,
        ask: &Ask,
    ) -> Result<GetBucketCorsOutput, Refused> {
        let settings = self.settings(ask, "s3:GetBucketCORS", &input.bucket).await?;
        if settings.cors.is_empty() {
            return Err(Refused::missing(
                "NoSuchCORSConfiguration",
                "The CORS configuration does not exist",
            )
            .with("BucketName", input.bucket));
        }
        let rules = settings.cors.into_iter().map(written).collect();
        Ok(GetBucketCorsOutput { cors_rules: Some(rules) })
    }

    pub(in crate::s3) async fn put_bucket_cors(
        &self,
        input: PutBucketCorsInput,
        ask: &Ask,
    ) -> Result<PutBucketCorsOutput, Refused> {
        let rules: Vec<_> = input.cors_configuration.cors_rules.into_iter().map(read).collect();
        if rules.is_empty() {
            return Err(Refused::malformed());
        }
        let change = SettingsChange::Cors(rules);
        self.change(ask, "s3:PutBucketCORS", &input.bucket, change).await?;
        Ok(PutBucketCorsOutput::default())
    }

    pub(in crate::s3) async fn delete_bucket_cors(
        &self,
        input: DeleteBucketCorsInput,
        ask: &Ask,
    ) -> Result<DeleteBucketCorsOutput, Refused> {
        let change = SettingsChange::Cors(Vec::new());
        self.change(ask, "s3:PutBucketCORS", &input.bucket, change).await?;
        Ok(DeleteBucketCorsOutput::default())
    }
}

fn written(rule: CorsRule) -> CORSRule {
    let CorsRule { id, origins, methods, headers, exposed, max_age } = rule;
    let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
    CORSRule {
        id,
        allowed_origins: origins,
        allowed_methods: methods,
        allowed_headers: some(headers),
        expose_headers: some(exposed),
        max_age_seconds: max_age,
    }
}

fn read(rule: CORSRule) -> CorsRule {
    CorsRule {
        id: rule.id,
        origins: rule.allowed_origins,
        methods: rule.allowed_methods,
        headers: rule.allowed_headers.unwrap_or_default(),
        exposed: rule.expose_headers.unwrap_or_default(),
        max_age: rule.max_age_seconds,
    }
}
