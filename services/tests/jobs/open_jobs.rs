//! Jobs that are stopped with the server.

use std::time::Duration;

use platform::executor::{Exit, Seen, Stop};
use serde_json::{Value, json};
use types::{Id, Timestamp};

use crate::house::{House, training_job};

impl House {
    /// Waits until a workload is told to end.
    async fn until_told(&self, id: Id) {
        for _ in 0..400 {
            if self.executor.stops().contains(&(id, Stop::Interrupt)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{id} was never told to end");
    }

    /// Ends all that was told to end, as SIGTERM ends a program.
    fn end_the_told(&self) {
        for (id, _) in self.executor.stops() {
            let exits = vec![Exit::Signal(15)];
            self.executor.set(id, Seen::Ended { at: Timestamp::now(), exits });
        }
    }

    async fn shown(&self, name: &str) -> Value {
        self.call("DescribeTrainingJob", json!({ "TrainingJobName": name })).await.unwrap()
    }
}

fn on_spot(name: &str) -> Value {
    let mut request = training_job(name);
    request["EnableManagedSpotTraining"] = json!(true);
    request["StoppingCondition"] =
        json!({ "MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 600 });
    request
}

#[tokio::test]
async fn every_open_job_is_stopped_with_the_server_and_keeps_its_model() {
    let house = House::new().await;
    house.call("CreateTrainingJob", training_job("done")).await.unwrap();
    house.ends(house.submitted().await.id, 0);
    let name = json!({ "TrainingJobName": "done" });
    house.until("DescribeTrainingJob", name, "TrainingJobStatus", "Completed").await;

    house.call("CreateTrainingJob", on_spot("runs")).await.unwrap();
    house.until_submitted(2).await;
    let id = house.submitted().await.id;
    house.runs(id);
    house.executor.put_output(id, "algo-1", "model.tar.gz", "model half");
    let stopping = tokio::spawn({
        let open_jobs = house.open_jobs.clone();
        async move { open_jobs.stop().await }
    });
    house.until_told(id).await;
    house.call("CreateTrainingJob", on_spot("late")).await.unwrap();
    for _ in 0..400 {
        if stopping.is_finished() {
            break;
        }
        house.end_the_told();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(stopping.is_finished(), "a job is still open");
    stopping.await.unwrap().unwrap();

    for (name, status) in [("done", "Completed"), ("runs", "Stopped"), ("late", "Stopped")] {
        assert_eq!(house.shown(name).await["TrainingJobStatus"], status, "{name}");
    }
    assert!(house.shown("runs").await["ModelArtifacts"]["S3ModelArtifacts"].is_string());
    let began = house.executor.submitted();
    assert_eq!(began.iter().filter(|begun| begun.id == id).count(), 1, "nothing began again");
}
