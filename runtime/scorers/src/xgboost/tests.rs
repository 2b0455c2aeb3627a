//! The contract, with a model small enough to reckon by hand: one split, `f0 < 1` gives 0.25, else
//! (and where it is missing) 0.75; two features.

use super::*;
use crate::{model_file::ModelFileError, rows::Rows};

/// One stump in the shape that XGBoost 3.2 writes; `base_score` 0.
fn stump(objective: &str, left: &str, right: &str) -> String {
    format!(
        r#"{{"learner": {{
            "feature_names": [], "attributes": {{"best_iteration": "0"}},
            "learner_model_param":
                {{"base_score": "[0E0]", "num_class": "0", "num_feature": "2", "num_target": "1"}},
            "objective": {{"name": "{objective}", "reg_loss_param": {{}}}},
            "gradient_booster": {{"name": "gbtree", "model": {{
                "gbtree_model_param": {{"num_trees": "1"}}, "tree_info": [0],
                "trees": [{{
                    "left_children": [1, -1, -1], "right_children": [2, -1, -1],
                    "split_indices": [0, 0, 0], "split_conditions": [1E0, {left}, {right}],
                    "default_left": [0, 0, 0], "split_type": [0, 0, 0],
                    "tree_param": {{"num_nodes": "3", "size_leaf_vector": "1"}}
                }}]
            }}}}
        }}, "version": [3, 2, 0]}}"#
    )
}

fn load(models: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Xgboost, String> {
    let files = models.iter().map(|(name, text)| ((*name).into(), text.as_bytes().into()));
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let settings = Settings::read(&environment.collect()).map_err(|error| error.0)?;
    Xgboost::load(false, files.collect(), settings).map_err(|error| error.0)
}

fn regression() -> String {
    stump("reg:squarederror", "2.5E-1", "7.5E-1")
}

fn call<'a>(accept: Option<&'a str>, body: &'a str) -> Invocation<'a> {
    Invocation { content_type: Some("text/csv"), accept, body: body.as_bytes() }
}

fn answer(scorer: &Xgboost, accept: Option<&str>, body: &str) -> (String, String) {
    let reply = scorer.invoke(call(accept, body)).unwrap();
    assert_eq!(reply.status, 200);
    (reply.content_type.into_owned(), String::from_utf8(reply.body).unwrap())
}

#[test]
fn rows_come_back_as_lines_and_short_rows_miss_their_last_columns() {
    let scorer = load(&[("xgboost-model", &regression())], &[]).unwrap();
    for accept in [None, Some("*/*"), Some("text/csv"), Some("TEXT/CSV; q=1")] {
        let (content_type, body) = answer(&scorer, accept, "0,5\n1,5\n,5\n");
        assert_eq!(content_type, "text/csv; charset=utf-8");
        assert_eq!(body, "0.25\n0.75\n0.75\n");
    }
    assert_eq!(answer(&scorer, None, "0").1, "0.25\n");
}

#[test]
fn json_is_sent_to_who_accepts_it() {
    let scorer = load(&[("xgboost-model", &regression())], &[]).unwrap();
    let json = (
        "application/json".to_owned(),
        r#"{"predictions": [{"score": 0.25}, {"score": 0.75}]}"#.to_owned(),
    );
    assert_eq!(answer(&scorer, Some("application/json; verbose=True"), "0,5\n1,5"), json);
    let lines = ("application/jsonlines".to_owned(), "{\"score\": 0.25}\n".to_owned());
    assert_eq!(answer(&scorer, Some("application/jsonlines"), "0,5"), lines);
}

#[test]
fn records_are_read_and_sent() {
    let scorer = load(&[("xgboost-model", &regression())], &[]).unwrap();
    let record = |values: &[f32]| {
        let numbers = recordio::Numbers::Float32(values.to_vec());
        recordio::Record { features: Some(recordio::Tensor::dense(numbers)), label: None }
    };
    let mut body = Vec::new();
    recordio::write(&record(&[0.0, 5.0]), &mut body);
    recordio::write(&record(&[1.0, 5.0]), &mut body);
    let content_type = "application/x-recordio-protobuf";
    let call =
        Invocation { content_type: Some(content_type), accept: Some(content_type), body: &body };
    let mut expected = Vec::new();
    recordio::write_labels([("score", vec![0.25])], &mut expected);
    recordio::write_labels([("score", vec![0.75])], &mut expected);
    let reply = scorer.invoke(call).unwrap();
    assert_eq!((&*reply.content_type, reply.body), (content_type, expected));
    let csv = scorer.invoke(Invocation { accept: None, ..call }).unwrap();
    assert_eq!(csv.body, b"0.25\n0.75\n");
}

#[test]
fn the_environment_selects_what_answers_hold() {
    let selected = |objective: &str, asked: &str, accept: Option<&str>| {
        let model = stump(objective, "2.5E-1", "7.5E-1");
        let scorer = load(&[("m", &model)], &[("SAGEMAKER_INFERENCE_OUTPUT", asked)]).unwrap();
        scorer
            .invoke(call(accept, "0,5\n1,5"))
            .map(|reply| (reply.content_type.into_owned(), String::from_utf8(reply.body).unwrap()))
    };
    let json = r#"{"predictions": [{"predicted_score": 0.25, "probability": NaN}, {"predicted_score": 0.75, "probability": NaN}]}"#;
    assert_eq!(
        selected("reg:squarederror", "probability,predicted_score", Some("application/json")),
        Ok(("application/json".into(), json.into()))
    );
    assert_eq!(
        selected("binary:logitraw", "labels,predicted_label", None),
        Ok(("text/csv; charset=utf-8".into(), "\"[0, 1]\",1\n\"[0, 1]\",1".into()))
    );
    assert_eq!(selected("reg:squarederror", "", None).unwrap().1, "nan\nnan");
    let unselectable = selected("count:poisson", "predicted_score", None).unwrap_err();
    assert_eq!(unselectable.status, 500);
    assert_eq!(
        unselectable.message,
        "Objective `count:poisson` unsupported for selectable inference predictions."
    );
    let unacceptable = selected("count:poisson", "predicted_score", Some("a/b")).unwrap_err();
    assert_eq!(unacceptable.status, 406, "what is accepted comes first");
}

#[test]
fn a_payload_over_the_limit_is_refused_before_it_is_looked_at() {
    let limited = |most: &str| load(&[("m", &regression())], &[("MAX_CONTENT_LENGTH", most)]);
    let scorer = limited("3").unwrap();
    assert_eq!(answer(&scorer, None, "0,5").1, "0.25\n");
    let rejection = scorer.invoke(call(Some("foo/bar"), "0,5\n")).unwrap_err();
    assert_eq!(rejection.status, 413);
    assert!(rejection.message.contains("3 bytes") && rejection.message.contains("MAX_CONTENT"));
    assert!(limited("6 MB").unwrap_err().contains("`6 MB`"));
    let long = "0,5\n".repeat(6_291_456 / 4);
    let scorer = load(&[("m", &regression())], &[]).unwrap();
    assert!(scorer.invoke(call(None, &long)).is_ok());
    let longer = format!("{long} ");
    assert_eq!(scorer.invoke(call(None, &longer)).unwrap_err().status, 413);
}

#[test]
fn the_environment_chooses_what_is_sent_to_who_accepts_anything() {
    let accept = ("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json");
    let scorer = load(&[("xgboost-model", &regression())], &[accept]).unwrap();
    assert_eq!(answer(&scorer, None, "0,5").0, "application/json");
    let wrong = ("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "image/png");
    assert!(load(&[("m", &regression())], &[wrong]).unwrap_err().contains("`image/png`"));
}

#[test]
fn an_empty_payload_has_no_content() {
    let scorer = load(&[("xgboost-model", &regression())], &[]).unwrap();
    let reply = scorer.invoke(call(Some("foo/bar"), "")).unwrap();
    assert_eq!((reply.status, reply.body.len()), (204, 0));
}

#[test]
fn too_many_columns_are_refused_before_what_is_accepted_is_looked_at() {
    let scorer = load(&[("xgboost-model", &regression())], &[]).unwrap();
    let rejection = scorer.invoke(call(Some("foo/bar"), "1,2,3")).unwrap_err();
    assert_eq!(rejection.status, 400);
    assert_eq!(
        rejection.message,
        "Unable to evaluate payload provided: Check failed: learner_model_param_.num_feature >= \
         p_fmat->Info().num_col_ (2 vs. 3) : Number of columns does not match number of features \
         in booster."
    );
}

#[test]
fn what_cannot_be_accepted_is_told_in_the_containers_words() {
    let scorer = load(&[("xgboost-model", &regression())], &[]).unwrap();
    let rejection = scorer.invoke(call(Some("foo/bar"), "1,2")).unwrap_err();
    assert_eq!(rejection.status, 406);
    assert_eq!(
        rejection.message,
        "Accept type foo/bar is not supported. Please use supported accept types: \
         ['application/json', 'application/jsonlines', 'application/x-recordio-protobuf', \
         'text/csv']."
    );
}

#[test]
fn libsvm_rows_miss_what_they_do_not_name() {
    let scorer = load(&[("xgboost-model", &regression())], &[]).unwrap();
    let body = b"1 1:0.5 2:3\n0 2:3\n";
    let call = Invocation { content_type: Some("text/libsvm"), accept: None, body };
    assert_eq!(scorer.invoke(call).unwrap().body, b"0.25\n0.75\n");
}

#[test]
fn batch_transform_gets_pythons_lists() {
    let scorer = load(&[("m", &regression())], &[("SAGEMAKER_BATCH", "true")]).unwrap();
    assert_eq!(answer(&scorer, Some("text/csv"), "0,5\n1,5").1, "0.25\n0.75\n");
}

#[test]
fn several_models_answer_with_their_mean() {
    let other = stump("reg:squarederror", "1E0", "2E0");
    let models = [("a", regression()), ("b", other)];
    let models: Vec<_> = models.iter().map(|(name, text)| (*name, text.as_str())).collect();
    assert_eq!(answer(&load(&models, &[]).unwrap(), None, "0,5").1, "0.625\n");
    let first = [("SAGEMAKER_INFERENCE_ENSEMBLE", "false")];
    assert_eq!(answer(&load(&models, &first).unwrap(), None, "0,5").1, "0.25\n");
}

#[test]
fn several_classifiers_answer_with_their_vote() {
    let [low, high] =
        [("-1E0", "1E0"), ("1E0", "1E0")].map(|(left, right)| stump("binary:hinge", left, right));
    let vote = |models: &[(&str, &str)]| answer(&load(models, &[]).unwrap(), None, "0,5").1;
    assert_eq!(vote(&[("a", &low), ("b", &high), ("c", &high)]), "1.0\n");
    assert_eq!(vote(&[("a", &low), ("b", &high)]), "0.0\n", "the smaller one of equals");
}

#[test]
fn a_call_of_many_rows_is_answered_as_its_rows_alone() {
    let [low, high] =
        [("-1E0", "1E0"), ("1E0", "1E0")].map(|(left, right)| stump("binary:hinge", left, right));
    let (mean, odd) = (regression(), stump("reg:squarederror", "1E-1", "7E-1"));
    for models in [&[("a", &*mean)][..], &[("a", &mean), ("b", &odd)], &[("a", &low), ("b", &high)]]
    {
        let scorer = load(models, &[]).unwrap();
        let [low, high] = ["0,5", "1,5"].map(|row| answer(&scorer, None, row).1);
        let lines = answer(&scorer, None, &"0,5\n1,5\n".repeat(1000)).1;
        assert!(lines == (low + &high).repeat(1000));
    }
}

#[test]
fn a_call_of_many_rows_ends_at_its_deadline() {
    let scorer = load(&[("m", &regression())], &[]).unwrap();
    let mut values = Vec::new();
    let mut predict = |count: usize| {
        let rows = Rows::Dense { columns: 1, cells: vec![0.0; count] };
        scorer.models.predict_into(&rows, &limits::tests::PASSED(), &mut values)
    };
    assert_eq!(predict(512), Ok(()), "the clock is not looked at");
    assert_eq!(predict(513), Err(limits::Late));
}

#[test]
fn environment_that_would_change_the_answers_is_refused_by_name() {
    for name in ["SAGEMAKER_PROGRAM", "SAGEMAKER_MULTI_MODEL"] {
        assert!(load(&[("m", &regression())], &[(name, "x")]).unwrap_err().contains(name));
        assert!(load(&[("m", &regression())], &[(name, "")]).is_ok());
    }
}

#[test]
fn a_file_that_cannot_be_loaded_is_named() {
    let error = load(&[("readme.txt", "hello")], &[]).unwrap_err();
    assert_eq!(error, format!("model.tar.gz: `readme.txt` {}.", ModelFileError::Unknown));
}

#[test]
fn xgboost_1_wrote_booleans_and_a_scalar_base_score() {
    let old = regression()
        .replace("\"[0E0]\"", "\"5E-1\"")
        .replace("\"default_left\": [0, 0, 0]", "\"default_left\": [true, false, false]")
        .replace(", \"num_target\": \"1\"", "");
    let scorer = load(&[("xgboost-model", &old)], &[]).unwrap();
    assert_eq!(answer(&scorer, None, "0,5\n,5").1, "0.75\n0.75\n");
}

#[test]
fn a_model_that_would_lead_out_of_its_arrays_is_refused() {
    for (from, to, why) in [
        ("\"left_children\": [1,", "\"left_children\": [9,", "child is out of range"),
        ("\"left_children\": [1,", "\"left_children\": [-7,", "child is out of range"),
        ("\"left_children\": [1,", "\"left_children\": [0,", "no tree"),
        ("\"split_indices\": [0,", "\"split_indices\": [2,", "feature is out of range"),
        ("\"split_indices\": [0,", "\"split_indices\": [-1,", "feature is out of range"),
        ("\"split_indices\": [0, 0, 0]", "\"split_indices\": [0]", "differ in length"),
        ("\"split_type\": [0,", "\"split_type\": [1,", "categories"),
        ("\"size_leaf_vector\": \"1\"", "\"size_leaf_vector\": \"3\"", "vectors"),
        ("\"tree_info\": [0]", "\"tree_info\": [1]", "output 1"),
        ("\"tree_info\": [0]", "\"tree_info\": []", "output and weight"),
        ("\"num_feature\": \"2\"", "\"num_feature\": \"99999999\"", "99999999 features"),
        ("\"num_feature\": \"2\"", "\"num_feature\": \"x\"", "`num_feature`"),
        ("\"num_class\": \"0\"", "\"num_class\": \"99999999\"", "99999999 outputs"),
        ("\"num_class\": \"0\"", "\"num_class\": \"65536\"", "65536 outputs and 1 trees"),
        ("\"[0E0]\"", "\"[0E0,0E0]\"", "base scores"),
        ("\"[0E0]\"", "\"NaN\"", "`base_score`"),
        ("\"gbtree\"", "\"gbforest\"", "`gbforest`"),
        ("reg:squarederror", "reg:cubed", "`reg:cubed`"),
        ("\"learner\"", "\"teacher\"", "`learner`"),
    ] {
        let model = regression().replacen(from, to, 1);
        assert_ne!(model, regression(), "{from}");
        let error = load(&[("m", &model)], &[]).unwrap_err();
        assert!(error.contains(why), "{to}: {error}");
    }
}

#[test]
fn a_call_is_reckoned_with_its_rows_and_its_model() {
    let time = |scorer: &Xgboost, body: &str| scorer.estimate(body.as_bytes()).time;
    let one = load(&[("a", &regression())], &[]).unwrap();
    let two = load(&[("a", &regression()), ("b", &regression())], &[]).unwrap();
    let rows = "1,2\n".repeat(100);
    assert!(time(&one, "1,2") < std::time::Duration::from_micros(1));
    assert!(time(&one, &rows) > 50 * time(&one, "1,2"));
    assert!(time(&two, &rows) > time(&one, &rows));
}
