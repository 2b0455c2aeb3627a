//! One model: from rows to trees, round by round, with the metrics of the watched channels.

use std::iter;

use xgboost_sys::{Booster, DMatrix, ModelFormat};

use super::{
    checkpoints::Checkpoints, custom_metrics::Basis, data::Data, early_stopping::EarlyStopping,
    era::Targets, evaluation::Round, failure::Failure, model, python, train::Job, watched::Watched,
};

/// Hyperparameters that the library is not told, or not in the same words.
const CONTAINERS_OWN: [&str; 11] = [
    "num_round",
    "csv_weights",
    "early_stopping_rounds",
    "save_model_on_termination",
    "_tuning_objective_metric",
    "_kfold",
    "_num_cv_round",
    "eval_metric",
    "use_dask_gpu_training",
    "silent",
    "updater",
];

/// The notes in a model of its best round, as the Python package writes them.
const BEST_ROUND: &str = "best_iteration";
const BEST_SCORE: &str = "best_score";

/// The channel by which a job stops early.
const VALIDATION: &str = "validation";

/// A checkpoint does not hold where the random numbers were.
const DRAWN_ANEW: &str = "The job draws at random, and goes on with other numbers than a job that \
                          was not interrupted: its trees will differ in detail from that one's";

/// What is kept of every round, and where.
struct Kept {
    /// The model's file.
    file: String,
    /// Whether each round replaces it.
    every_round: bool,
    /// The job's, if it has any.
    checkpoints: Option<Checkpoints>,
}

/// A model, and what it scored in its last round.
pub struct Trained {
    /// Cut behind its best round, where that was looked for.
    pub booster: Booster,
    /// On the watched channels.
    pub last: Round,
}

/// The file of the only model, or of that of a fold.
pub fn file(fold: Option<usize>) -> String {
    fold.map_or_else(|| model::FILE.to_owned(), |fold| format!("{}-{fold}", model::FILE))
}

impl Job<'_, '_> {
    /// Learns from `train`, watches the channels, and keeps every round where that is asked for: of
    /// the only model, or of that of a fold.
    pub(super) fn train(
        &mut self,
        train: &Data,
        channels: &[Data],
        watched: &Watched,
        fold: Option<usize>,
    ) -> Result<Trained, Failure> {
        let mut kept = Kept {
            file: file(fold),
            every_round: self.chosen.word("save_model_on_termination") == Some("true"),
            checkpoints: Checkpoints::configured(self.opt_ml, fold)?,
        };
        let (mut booster, begun) = self.booster(train, channels, watched, &kept)?;
        let (last, best) = self.boost(&mut booster, begun, train, channels, watched, &mut kept)?;
        Ok(Trained { booster: self.cut(booster, best)?, last })
    }

    /// What the library is told, in order: the user's, then what the version did of itself.
    fn parameters(
        &self,
        train: &Data,
        watched: &Watched,
    ) -> Result<Vec<(&'static str, String)>, Failure> {
        let chosen = &self.chosen;
        let whole = |mut sums: [f64; 2]| {
            self.bond.sum(&mut sums)?;
            Ok(sums)
        };
        let labels = Targets { labels: &train.labels, weights: &train.weights, whole: &whole };
        let mut parameters: Vec<_> = chosen
            .iter()
            .filter(|(name, _)| !CONTAINERS_OWN.contains(name))
            .map(|(name, value)| (name, value.to_string()))
            .collect();
        if let Some(updaters) = chosen.words("updater") {
            parameters.push(("updater", updaters.join(",")));
        }
        if chosen.has("objective") {
            parameters.push(("objective", chosen.objective().to_owned()));
        }
        parameters.push(("nthread", train.threads.to_string()));
        if let Some(silent) = chosen.integer("silent") {
            parameters.push(("verbosity", (1 - silent).to_string()));
        }
        if let Some(score) = self.era.base_score(chosen, labels)? {
            parameters.push(("base_score", score.to_string()));
        }
        if let Some(method) = self.tree_method(train) {
            parameters.push(("tree_method", method.to_owned()));
        }
        parameters.extend(watched.parameters());
        parameters.push(("validate_parameters", "1".to_owned()));
        Ok(parameters)
    }

    /// What the version made of a method that the user left to it, where the library would not.
    pub(super) fn tree_method(&self, train: &Data) -> Option<&'static str> {
        let method = self.era.tree_method(&self.chosen, train.labels.len())?;
        // Of several hosts, versions before 2 chose the one method that could be shared.
        Some(if self.bond.is_shared() { "approx" } else { method })
    }

    /// The model to go on with, and how many rounds it has: none, but where there is a checkpoint.
    fn booster(
        &mut self,
        train: &Data,
        channels: &[Data],
        watched: &Watched,
        kept: &Kept,
    ) -> Result<(Booster, i32), Failure> {
        let parameters = self.parameters(train, watched)?;
        let cached: Vec<_> = iter::once(train).chain(channels).map(|data| &data.matrix).collect();
        let failed = |error| Failure::from_training(&error);
        let resumed = match &kept.checkpoints {
            Some(checkpoints) => checkpoints.resume(&self.library, &cached, self.log)?,
            None => None,
        };
        let (mut booster, begun) = match resumed {
            Some(resumed) => resumed,
            None => (Booster::new(&self.library, &cached).map_err(failed)?, 0),
        };
        // Behind the model, as Python does it: a checkpoint knows its objective and nothing else.
        for (name, value) in &parameters {
            booster.set_parameter(name, value).map_err(failed)?;
        }
        Ok((booster, begun))
    }

    /// All rounds that are left; answers the last one, and the best one where one was looked for.
    fn boost(
        &mut self,
        booster: &mut Booster,
        begun: i32,
        train: &Data,
        channels: &[Data],
        watched: &Watched,
        kept: &mut Kept,
    ) -> Result<(Round, Option<(i32, f64)>), Failure> {
        let rounds = i32::try_from(self.chosen.integer("num_round").unwrap_or(0))
            .map_err(|_| Failure::User("num_round is larger than XGBoost can count".into()))?;
        let (mut stopping, mut last) = (None, None);
        if begun > 0 {
            let round = self.shared(evaluate(booster, begun - 1, channels, watched)?)?;
            stopping = self.stopping(&round, channels.len() > 1, watched)?;
            resume(&mut stopping, booster, begun)?;
            if begun < rounds && self.chosen.draws_at_random() {
                self.log.info(DRAWN_ANEW)?;
            }
            last = Some(round);
        }
        for number in begun..rounds {
            if stopping.as_ref().is_some_and(EarlyStopping::is_over) {
                break;
            }
            booster
                .update(number, &train.matrix)
                .map_err(|error| Failure::from_training(&error))?;
            let round = self.shared(evaluate(booster, number, channels, watched)?)?;
            if self.is_first() {
                self.log.plain(&round.line())?;
            }
            if kept.every_round {
                self.save(booster, &kept.file)?;
            }
            if last.is_none() {
                stopping = self.stopping(&round, channels.len() > 1, watched)?;
            }
            if let Some(score) = stopping.as_mut().and_then(|s| s.look(number, &round)) {
                note_best(booster, number, score).map_err(|e| Failure::from_training(&e))?;
            }
            if let Some(checkpoints) = kept.checkpoints.as_mut().filter(|_| self.is_first()) {
                checkpoint(checkpoints, booster, number)?;
            }
            last = Some(round);
        }
        let last = last.ok_or_else(|| Failure::User("num_round is less than 1".into()))?;
        Ok((last, stopping.and_then(|stopping| stopping.best())))
    }

    /// What can stop the job early. Asked for in vain, it says why nothing will.
    fn stopping(
        &mut self,
        first: &Round,
        validated: bool,
        watched: &Watched,
    ) -> Result<Option<EarlyStopping>, Failure> {
        let Some(patience) = self.chosen.integer("early_stopping_rounds") else { return Ok(None) };
        if self.era.stops_on_last_metric() {
            let last = first.last();
            return Ok(last.map(|(channel, place, metric)| {
                EarlyStopping::new(channel, place, metric, patience)
            }));
        }
        if !validated {
            self.log
                .warning("early_stopping_rounds has no effect: there is no validation channel")?;
            return Ok(None);
        }
        let Some(metric) = watched.stopping.as_deref() else {
            self.log.warning("early_stopping_rounds has no effect: eval_metric is not set")?;
            return Ok(None);
        };
        // The library writes `error@0.5` as `error`; its metrics stand as they were asked for.
        let asked = || watched.native.iter().position(|name| name == metric);
        let place = first.place(VALIDATION, metric).or_else(asked);
        let unknown = || Failure::of_training(&format!("No metric named: {metric}"));
        let place = place.ok_or_else(unknown)?;
        Ok(Some(EarlyStopping::new(VALIDATION, place, metric, patience)))
    }

    /// Keeps the rounds up to the best one, if the version did.
    fn cut(&mut self, booster: Booster, best: Option<(i32, f64)>) -> Result<Booster, Failure> {
        let Some((round, score)) = best else { return Ok(booster) };
        let failed = |error| Failure::from_training(&error);
        if !self.era.cuts_at_best() {
            self.log
                .info(&format!("The best round is {round}; the model has the later ones, too"))?;
            return Ok(booster);
        }
        if self.chosen.word("booster") == Some("gblinear") {
            self.log.info(&format!(
                "The best round is {round}; the model is that of the last round, for a linear one \
                 cannot be cut"
            ))?;
            return Ok(booster);
        }
        self.log.info(&format!("The best round is {round}; the model is cut behind it"))?;
        let mut cut = booster.slice(0, round + 1).map_err(failed)?;
        note_best(&mut cut, round, score).map_err(failed)?;
        Ok(cut)
    }

    /// The model as the version wrote it.
    pub(super) fn encoded(&self, booster: &Booster) -> Result<Vec<u8>, Failure> {
        model::encode(booster, self.era)
    }

    /// Puts a model into the job's model folder, on the host that does so.
    pub(super) fn save(&self, booster: &Booster, file: &str) -> Result<(), Failure> {
        if !self.is_first() {
            return Ok(());
        }
        model::write(self.opt_ml, file, &self.encoded(booster)?)
    }

    /// The same round on every host, so that all stop at the same one: each metric is the mean of
    /// what the hosts have, which for the library's own is what each has anyway.
    fn shared(&self, mut round: Round) -> Result<Round, Failure> {
        if !self.bond.is_shared() {
            return Ok(round);
        }
        let means = self.bond.mean(round.values_mut().map(|value| *value).collect())?;
        for (value, mean) in round.values_mut().zip(means) {
            *value = mean;
        }
        Ok(round)
    }

    /// Whether this host tells and saves.
    pub(super) fn is_first(&self) -> bool {
        self.bond.is_first()
    }
}

/// One round's metrics on every channel.
fn evaluate(
    booster: &mut Booster,
    number: i32,
    data: &[Data],
    watched: &Watched,
) -> Result<Round, Failure> {
    let failed = |error| Failure::from_training(&error);
    let matrices: Vec<_> = data.iter().map(|data| (data.channel, &data.matrix)).collect();
    let channels: Vec<_> = data.iter().map(|data| data.channel).collect();
    let line = booster.evaluate(number, &matrices).map_err(failed)?;
    let mut round = Round::parse(number, &line, &channels);
    for Data { channel, matrix, labels, queries, .. } in data {
        let mut said = Said { booster, matrix, margins: None, predictions: None };
        for (place, metric) in &watched.former {
            let score = metric.score(said.on(Basis::Margin)?, labels, queries)?;
            round.insert(channel, *place, &watched.native[*place], score);
        }
        for (name, metric) in &watched.custom {
            round.add(channel, name, metric.score(said.on(metric.basis)?, labels)?);
        }
    }
    Ok(round)
}

/// What a booster says of a channel's rows, asked for once.
struct Said<'a> {
    booster: &'a mut Booster,
    matrix: &'a DMatrix,
    margins: Option<Vec<f32>>,
    predictions: Option<Vec<f32>>,
}

impl Said<'_> {
    fn on(&mut self, basis: Basis) -> Result<&[f32], Failure> {
        let failed = |error| Failure::from_training(&error);
        let said = match basis {
            Basis::Margin => &mut self.margins,
            Basis::Prediction => &mut self.predictions,
        };
        if said.is_none() {
            *said = Some(
                match basis {
                    Basis::Margin => self.booster.predict_margin(self.matrix),
                    Basis::Prediction => self.booster.predict(self.matrix),
                }
                .map_err(failed)?,
            );
        }
        Ok(said.as_deref().unwrap_or_default())
    }
}

/// Takes up a watch where the checkpoint left it: the best round stands in the model.
fn resume(
    stopping: &mut Option<EarlyStopping>,
    booster: &Booster,
    rounds: i32,
) -> Result<(), Failure> {
    let noted = |name| booster.attribute(name).map_err(|error| Failure::from_training(&error));
    let best = noted(BEST_ROUND)?.and_then(|round| round.parse::<i32>().ok());
    let score = noted(BEST_SCORE)?.and_then(|score| python::float(&score));
    // A container writes a checkpoint before it judges the round, and may know of none.
    let best = best.filter(|best| (0..rounds).contains(best)).zip(score);
    *stopping = stopping.take().map(|stopping| match best {
        Some(best) => stopping.resumed(rounds, best),
        None => stopping,
    });
    Ok(())
}

/// After the round was judged, so that the best one so far stands in it.
fn checkpoint(
    checkpoints: &mut Checkpoints,
    booster: &Booster,
    number: i32,
) -> Result<(), Failure> {
    let model = booster.save(ModelFormat::Ubj).map_err(|error| Failure::from_training(&error))?;
    checkpoints.keep(number, &model)
}

fn note_best(booster: &mut Booster, round: i32, score: f64) -> Result<(), xgboost_sys::Error> {
    booster.set_attribute(BEST_ROUND, &round.to_string())?;
    booster.set_attribute(BEST_SCORE, &python::Float(score).to_string())
}
