//! What is done where a request does not ask for encryption.

use platform::objects::settings::{DefaultEncryption, SettingsChange};
use s3s::dto::{
    DeleteBucketEncryptionInput, DeleteBucketEncryptionOutput, GetBucketEncryptionInput,
    GetBucketEncryptionOutput, PutBucketEncryptionInput, PutBucketEncryptionOutput,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule,
};

use crate::s3::{Desk, ask::Ask, errors::Refused};

impl Desk {
    pub(in crate::s3) async fn get_bucket_encryption(
        &self,
        input: GetBucketEncryptionInput,
        ask: &Ask,
    ) -> Result<GetBucketEncryptionOutput, Refused> {
        let action = "s3:GetEncryptionConfiguration";
        let owner = self.allow(ask, action, &input.bucket).await?;
        let encryption = self.objects.default_encryption(&owner, &input.bucket).await?;
        let encryption = encryption.ok_or_else(|| {
            Refused::missing(
                "ServerSideEncryptionConfigurationNotFoundError",
                "The server side encryption configuration was not found",
            )
            .with("BucketName", input.bucket)
        })?;
        let rules = vec![written(encryption)];
        Ok(GetBucketEncryptionOutput {
            server_side_encryption_configuration: Some(ServerSideEncryptionConfiguration { rules }),
        })
    }

    pub(in crate::s3) async fn put_bucket_encryption(
        &self,
        input: PutBucketEncryptionInput,
        ask: &Ask,
    ) -> Result<PutBucketEncryptionOutput, Refused> {
        let encryption = read(input.server_side_encryption_configuration.rules)?;
        let change = SettingsChange::Encryption(Some(encryption));
        self.change(ask, "s3:PutEncryptionConfiguration", &input.bucket, change).await?;
        Ok(PutBucketEncryptionOutput::default())
    }

    pub(in crate::s3) async fn delete_bucket_encryption(
        &self,
        input: DeleteBucketEncryptionInput,
        ask: &Ask,
    ) -> Result<DeleteBucketEncryptionOutput, Refused> {
        let change = SettingsChange::Encryption(None);
        self.change(ask, "s3:PutEncryptionConfiguration", &input.bucket, change).await?;
        Ok(DeleteBucketEncryptionOutput::default())
    }
}

fn written(encryption: DefaultEncryption) -> ServerSideEncryptionRule {
    let DefaultEncryption { kms, key, bucket_key } = encryption;
    let algorithm = if kms { ServerSideEncryption::AWS_KMS } else { ServerSideEncryption::AES256 };
    ServerSideEncryptionRule {
        apply_server_side_encryption_by_default: Some(ServerSideEncryptionByDefault {
            kms_master_key_id: key,
            sse_algorithm: ServerSideEncryption::from_static(algorithm),
        }),
        bucket_key_enabled: Some(bucket_key),
    }
}

/// S3 takes exactly one rule.
fn read(rules: Vec<ServerSideEncryptionRule>) -> Result<DefaultEncryption, Refused> {
    let Ok([rule]) = <[_; 1]>::try_from(rules) else { return Err(Refused::malformed()) };
    let default = rule.apply_server_side_encryption_by_default.ok_or_else(Refused::malformed)?;
    let kms = match default.sse_algorithm.as_str() {
        ServerSideEncryption::AES256 => false,
        ServerSideEncryption::AWS_KMS => true,
        ServerSideEncryption::AWS_KMS_DSSE => {
            return Err(Refused::not_implemented("Dual-layer encryption (aws:kms:dsse)"));
        }
        _ => return Err(Refused::malformed()),
    };
    let key = default.kms_master_key_id.filter(|key| !key.is_empty());
    if key.is_some() && !kms {
        return Err(Refused::argument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or \
             aws:kms:dsse",
        ));
    }
    Ok(DefaultEncryption { kms, key, bucket_key: rule.bucket_key_enabled.unwrap_or(false) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(algorithm: &'static str, key: Option<&str>) -> ServerSideEncryptionRule {
        ServerSideEncryptionRule {
            apply_server_side_encryption_by_default: Some(ServerSideEncryptionByDefault {
                kms_master_key_id: key.map(str::to_owned),
                sse_algorithm: ServerSideEncryption::from_static(algorithm),
            }),
            bucket_key_enabled: Some(true),
        }
    }

    #[test]
    fn a_default_is_read_back_as_it_was_written() {
        for rule in [rule("AES256", None), rule("aws:kms", None), rule("aws:kms", Some("alias/x"))]
        {
            assert_eq!(written(read(vec![rule.clone()]).unwrap()), rule);
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let code = |rules| read(rules).unwrap_err().code;
        assert_eq!(code(vec![]), "MalformedXML");
        assert_eq!(code(vec![rule("AES256", None), rule("AES256", None)]), "MalformedXML");
        assert_eq!(code(vec![rule("DES", None)]), "MalformedXML");
        assert_eq!(code(vec![rule("AES256", Some("alias/x"))]), "InvalidArgument");
        assert_eq!(code(vec![rule("aws:kms:dsse", None)]), "NotImplemented");
    }
}
