//! What CreateTransformJob refuses: limits, and data processing that cannot be done, in AWS's words
//! where it has some.

use api::{
    Fault, What,
    inference::{DataProcessing, TransformInput, TransformJobSpec, TransformOutput},
};
use platform::{
    objects::Objects,
    transform::{DEFAULT_PAYLOAD_MB, Format, JsonPath, MOST_PAYLOAD_MB, Processing},
};
use types::Owner;

use super::{data::Data, job::TransformJob};
use crate::record::{Kind, S3Uri, output};

/// What a request may ask for and would not get.
pub const UNBUILT: &[&str] = &["DataCaptureConfig", "TransformResources.VolumeKmsKeyId"];
/// As many instances as AWS gives to one job (TransformResources' reference).
const MOST_INSTANCES: u64 = 100;

/// Refuses what cannot be done, and looks for the data.
pub async fn check(
    owner: &Owner,
    spec: &TransformJobSpec,
    role: &str,
    objects: &dyn Objects,
) -> Result<(), Fault> {
    let data = Data::of(&spec.transform_input.data_source.s3_data_source)?;
    limits(spec)?;
    processing(spec)?;
    data.check(owner, objects, role).await?;
    let place = invalid(spec.transform_output.s3_output_path.parse::<S3Uri>())?;
    let key = spec.transform_output.kms_key_id.as_deref();
    output::check(owner, objects, TransformJob::KIND, &place, key).await
}

/// An error of a caller's own making.
pub fn invalid<T, E: std::fmt::Display>(parsed: Result<T, E>) -> Result<T, Fault> {
    parsed.map_err(refusal)
}

/// What is wrong with a request, to its caller.
pub fn refusal(sentence: impl std::fmt::Display) -> Fault {
    Fault::new(What::Invalid, TransformJob::KIND, sentence)
}

fn limits(spec: &TransformJobSpec) -> Result<(), Fault> {
    let count = spec.transform_resources.instance_count;
    if count > MOST_INSTANCES {
        return Err(refusal(format!(
            "InstanceCount is {count}; a transform job may have at most {MOST_INSTANCES} instances."
        )));
    }
    let payload = spec.max_payload_in_mb.unwrap_or(DEFAULT_PAYLOAD_MB);
    if payload > MOST_PAYLOAD_MB {
        return Err(refusal(format!(
            "The value of MaxPayloadInMB cannot be greater than {MOST_PAYLOAD_MB} MB; it is \
             {payload}."
        )));
    }
    let concurrent = spec.max_concurrent_transforms.unwrap_or(0);
    if concurrent.saturating_mul(payload) > MOST_PAYLOAD_MB {
        return Err(refusal(format!(
            "The value of (MaxConcurrentTransforms * MaxPayloadInMB) cannot exceed \
             {MOST_PAYLOAD_MB} MB; it is {concurrent} * {payload}."
        )));
    }
    Ok(())
}

/// What `DataProcessing` asks for; nothing where that is to leave everything as it is.
pub fn processing(spec: &TransformJobSpec) -> Result<Option<Processing>, Fault> {
    let Some(asked) = &spec.data_processing else { return Ok(None) };
    let DataProcessing { input_filter, output_filter, join_source } = asked;
    let join = join_source.as_deref() == Some("Input");
    let everything = |filter: &Option<String>| matches!(filter.as_deref(), None | Some("" | "$"));
    if everything(input_filter) && everything(output_filter) && !join {
        return Ok(None);
    }
    let format = format(&spec.transform_input)?;
    let path = |name, filter: &Option<String>| {
        let text = filter.as_deref().unwrap_or("$");
        let wrong = |error| refusal(format!("Invalid {name}: \"{text}\". {error}"));
        JsonPath::parse(text, format).map_err(wrong)
    };
    let input = path("InputFilter", input_filter)?;
    let output = path("OutputFilter", output_filter)?;
    let processing = Processing { format, input, output, join };
    split(spec, &processing)?;
    if processing.touches_output() {
        answers(&spec.transform_output, format)?;
    }
    Ok(Some(processing))
}

fn format(input: &TransformInput) -> Result<Format, Fault> {
    let content_type = input.content_type.as_deref().unwrap_or_default();
    Format::of(content_type).ok_or_else(|| {
        refusal(format!(
            "DataProcessing is supported for the ContentType \"text/csv\", \"application/json\" or \
             \"application/jsonlines\" only; it is \"{content_type}\"."
        ))
    })
}

/// Records must be those of the format.
fn split(spec: &TransformJobSpec, processing: &Processing) -> Result<(), Fault> {
    let split = spec.transform_input.split_type.as_deref().unwrap_or("None");
    let single = spec.batch_strategy.as_deref() == Some("SingleRecord");
    let name = processing.format.name();
    let needs = match (processing.format, split) {
        (Format::Csv, "Line") | (Format::JsonLines, "None" | "Line") | (Format::Json, "None") => {
            return Ok(());
        }
        (Format::Json, "Line") if single => return Ok(()),
        (Format::Csv, _) => "must be Line",
        (Format::JsonLines, _) => "must be None or Line",
        (Format::Json, _) => "must be None, or Line with the BatchStrategy SingleRecord",
    };
    Err(refusal(format!("To filter or join \"{name}\", SplitType {needs}; it is {split}.")))
}

/// Answers must be of the records' format.
fn answers(output: &TransformOutput, format: Format) -> Result<(), Fault> {
    let name = format.name();
    if let Some(accept) = output.accept.as_deref().filter(|accept| !accept.is_empty())
        && Format::of(accept) != Some(format)
    {
        return Err(refusal(format!(
            "To filter or join answers, Accept must be the ContentType, \"{name}\"; it is \
             \"{accept}\"."
        )));
    }
    let assemble = output.assemble_with.as_deref().unwrap_or("None");
    if format == Format::Csv && assemble != "Line" {
        return Err(refusal(format!(
            "To filter or join answers in \"{name}\", AssembleWith must be Line; it is {assemble}."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    /// A request for CSV by line, with changes at the top and within.
    fn spec(changes: &Value) -> TransformJobSpec {
        let mut request = json!({
            "TransformJobName": "t",
            "ModelName": "m",
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            "TransformOutput": {"S3OutputPath": "s3://b/out", "AssembleWith": "Line"},
            "TransformResources": {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1},
        });
        for (name, value) in changes.as_object().unwrap() {
            match (&mut request[name], value) {
                (Value::Object(old), Value::Object(new)) => old.extend(new.clone()),
                (old, new) => *old = new.clone(),
            }
        }
        TransformJobSpec::deserialize(&request).unwrap()
    }

    fn refused(changes: &Value) -> String {
        processing(&spec(changes)).unwrap_err().to_string()
    }

    #[test]
    fn payloads_in_flight_may_hold_a_hundred_megabytes() {
        let limits = |payload: u64, concurrent: u64| {
            let changes = json!({"MaxPayloadInMB": payload, "MaxConcurrentTransforms": concurrent});
            limits(&spec(&changes)).map_err(|fault| fault.to_string())
        };
        for (payload, concurrent) in [(100, 1), (100, 0), (0, 1000), (10, 10)] {
            assert_eq!(limits(payload, concurrent), Ok(()));
        }
        let error = limits(101, 1).unwrap_err();
        assert!(error.contains("cannot be greater than 100 MB; it is 101."), "{error}");
        let error = limits(11, 10).unwrap_err();
        assert!(error.contains("cannot exceed 100 MB; it is 10 * 11."), "{error}");
        let error = super::limits(&spec(&json!({"MaxConcurrentTransforms": 17}))).unwrap_err();
        assert!(error.to_string().contains("it is 17 * 6."), "{error}");
    }

    #[test]
    fn processing_that_changes_nothing_is_none() {
        for asked in [
            json!({}),
            json!({"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}),
            json!({"InputFilter": ""}),
        ] {
            let changes =
                json!({"DataProcessing": asked, "TransformInput": {"ContentType": "x/y"}});
            assert_eq!(processing(&spec(&changes)).unwrap(), None);
        }
        let join = processing(&spec(&json!({"DataProcessing": {"JoinSource": "Input"}}))).unwrap();
        assert!(join.is_some_and(|processing| processing.join));
    }

    #[test]
    fn a_path_that_is_none_is_refused_in_awss_words() {
        let path = "$['account_id','SageMakerOutput']";
        let changes = json!({
            "DataProcessing": {"JoinSource": "Input", "OutputFilter": path},
            "TransformInput": {"ContentType": "application/jsonlines"},
        });
        assert_eq!(
            refused(&changes),
            "Invalid OutputFilter: \"$['account_id','SageMakerOutput']\". Unexpected \"_\" in \
             JsonPath. Supported operators for \"application/jsonlines\" are ['$', '[', ']', '*', \
             '.', ' ', ',', ':', '-', ''']"
        );
    }

    #[test]
    fn combinations_that_cannot_be_done_are_refused_with_what_must_change() {
        let join = json!({"JoinSource": "Input"});
        for (changes, expected) in [
            (json!({"TransformInput": {"ContentType": "text/libsvm"}}), "it is \"text/libsvm\"."),
            (
                json!({"TransformInput": {"SplitType": "None"}}),
                "SplitType must be Line; it is None.",
            ),
            (json!({"TransformOutput": {"AssembleWith": "None"}}), "AssembleWith must be Line"),
            (json!({"TransformOutput": {"Accept": "application/json"}}), "Accept must be"),
            (
                json!({"TransformInput": {"ContentType": "application/json"}}),
                "SplitType must be None, or Line with the BatchStrategy SingleRecord; it is Line.",
            ),
            (
                json!({"TransformInput":
                    {"ContentType": "application/jsonlines", "SplitType": "RecordIO"}}),
                "SplitType must be None or Line; it is RecordIO.",
            ),
        ] {
            let mut changes = changes;
            changes["DataProcessing"] = join.clone();
            let refused = refused(&changes);
            assert!(refused.contains(expected), "{refused}");
        }
        // What is filtered before alone may be answered as it likes.
        let before = json!({
            "DataProcessing": {"InputFilter": "$[1:]"},
            "TransformOutput": {"AssembleWith": "None", "Accept": "application/json"},
        });
        assert!(processing(&spec(&before)).unwrap().is_some());
    }
}
