//! Each kind of log, and each way in which one can be bad.

use bastide_units::Time;

use super::{Kind, Log, Reading, TraceError, read_from};
use crate::span::Span;

fn log(text: &str) -> Log {
    read_from(text.as_bytes(), Reading::default()).unwrap_or_else(|error| panic!("{error:?}"))
}

fn skipping(text: &str) -> Log {
    read_from(text.as_bytes(), Reading { skip_bad: true, ..Reading::default() }).unwrap_or_else(|error| panic!("{error:?}"))
}

/// What is said of the bad lines of a log, as `line:column: message`.
fn bad(text: &str) -> Vec<String> {
    match read_from(text.as_bytes(), Reading::default()) {
        Err(TraceError::Lines { first, .. }) => first.iter().map(|it| format!("{}:{}: {}", it.line, it.column, it.message)).collect(),
        other => panic!("{other:?}"),
    }
}

const SWF: &str = "\
; Version: 2.2
; MaxProcs: 128
    1        0     5   1451  128     -1    -1   -1     2000    -1 1   1   1  -1 2 -1 -1 -1
    2     1460     -1   3726  -1     -1    -1   64     -1    -1 -1   1   1  -1 -1 -1 -1 -1
    3     1470     -1   -1  1     -1    -1   1     -1    -1 5   1   1  -1 -1 -1 -1 -1
    4     1480     -1   10  1     -1    -1   1     -1    -1 3   1   1  -1 -1 -1 -1 -1
";

#[test]
fn the_standard_workload_format() {
    let log = log(SWF);
    assert_eq!((log.kind, log.jobs.len()), (Kind::Swf, 2));
    let (first, second) = (&log.jobs[0], &log.jobs[1]);
    assert_eq!((first.ask.gpus, first.runtime, first.estimate), (128, Span::from_whole_s(1451), Some(Span::from_whole_s(2000))));
    assert_eq!(first.published.completion, Some(Span::from_whole_s(1456)));
    assert_eq!((second.ask.gpus, second.estimate, second.published.is_empty()), (64, None, true));
    assert_eq!(first.partition.map(|name| log.names.word(name)), Some("2"));
    assert!(log.notices.iter().any(|it| it.starts_with("1 jobs without a run time")), "{:?}", log.notices);
    assert!(log.notices.iter().any(|it| it.starts_with("1 lines of parts")), "{:?}", log.notices);
}

#[test]
fn bad_lines_of_the_standard_workload_format_are_placed() {
    let line = "1 0 5 1451 128 -1 -1 -1 2000 -1 1 1 1 -1 2 -1 -1 -1";
    assert_eq!(bad(&format!("{line}\n2 3 4\n")), ["2:1: 3 numbers instead of 18"]);
    assert_eq!(bad(&line.replace("1451", "nan")), ["1:7: `nan` is no number"]);
    assert_eq!(bad(&line.replace("128", "0.5")), ["1:12: `0.5` is no whole number"]);
    assert_eq!(bad(&line.replace("0 5 1451", "0 5 -7")), ["1:7: `-7` is below 0"]);
    assert_eq!(bad(&line.replacen("0 5", "-1 5", 1)), ["1:3: no time of submission"]);
}

#[test]
fn cells_that_stand_below_no_column_or_swallow_lines_are_bad() {
    let header = "id,submit_s,runtime_s,gpus,user\n";
    assert_eq!(bad(&format!("{header}1,0,10,5,2,ann\n2,0,1,1,bob,\n")), ["2:12: 6 cells under a header of 5"]);
    let open = format!("{header}1,0,10,1,ann\n2,0,10,1,\"bob\n3,0,10,1,ann\n4,0,10,1,ann\n");
    assert_eq!(bad(&open), ["3:10: a quote opens here and is not closed on its line: it takes in the lines that follow"]);
    assert_eq!(log(&format!("{header}1,0,10,1,\"ann, or bob\"\n")).jobs.len(), 1);
}

#[test]
fn utf_16_is_named() {
    let text = [b"\xff\xfe".as_slice(), b"i\0d\0"].concat();
    let error = read_from(text.as_slice(), Reading::default()).expect_err("no UTF-8");
    assert!(error.to_string().contains("UTF-16"), "{error}");
}

#[test]
fn helios_and_its_dates() {
    let log = log("job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,duration,queue\n\
                   7,u1,vc1,8,64,1,COMPLETED,2020-04-01 00:00:05,2020-04-01 00:00:15,2020-04-01 00:01:15,60,10\n\
                   8,u2,vc1,16.0,64,2,FAILED,2020-04-01 00:00:06,None,None,,\n");
    assert_eq!((log.kind, log.jobs.len()), (Kind::Helios, 1));
    let job = &log.jobs[0];
    // 2020-04-01 00:00:05 UTC is 1,585,699,205 s after 1970.
    assert_eq!(job.submit, Time::from_nanos(1_585_699_205_000_000_000));
    assert_eq!((job.ask.gpus, job.ask.cpu_milli, job.runtime), (8, 64_000, Span::from_whole_s(60)));
    assert_eq!(job.published.wait, Some(Span::from_whole_s(10)));
    assert_eq!(job.published.completion, Some(Span::from_whole_s(70)));
}

#[test]
fn pods_share_gpus_and_stay_on_one_node() {
    let log = log("name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n\
                   p0,12000,16384,1,1000,,LS,Running,0,12537496,0\n\
                   p1,6000,12288,1,460,V100M16|V100M32,LS,Running,427061,12902960,427071\n\
                   p2,6000,12288,0,0,,BE,Pending,427062,,\n");
    assert_eq!((log.kind, log.jobs.len()), (Kind::Pods, 2));
    let job = &log.jobs[1];
    assert_eq!((job.ask.gpu_milli, job.ask.gang, job.runtime), (460, false, Span::from_whole_s(12_902_960 - 427_071)));
    assert_eq!(job.models.map(|name| log.names.word(name)), Some("V100M16|V100M32"));
}

#[test]
fn the_own_format() {
    let log = log("id;submit_s;runtime_s;gpus;gpu_share;estimate_s;user;nation;priority;cpus;memory_gib\n\
                   \"a;1\";0.5;1.25;1;0.25;10;ann;france;-3;2.5;16\n");
    let job = &log.jobs[0];
    assert_eq!((log.kind, job.id.as_ref(), job.priority), (Kind::Own, "a;1", -3));
    assert_eq!((job.submit, job.runtime), (Time::from_nanos(500_000_000), Span::from_nanos(1_250_000_000)));
    assert_eq!((job.ask.gpu_milli, job.ask.cpu_milli, job.ask.memory_mib), (250, 2500, 16_384));
    assert_eq!(job.nation.map(|name| log.names.word(name)), Some("france"));
}

#[test]
fn batsim_delays_and_work_without_a_time() {
    let text = r#"{"nb_res": 4, "jobs": [
        {"id": 1, "subtime": 2.5, "walltime": 100, "res": 4, "profile": "delay"},
        {"id": "w!2", "subtime": 1, "walltime": 100, "res": 2, "profile": "work"}],
        "profiles": {"delay": {"type": "delay", "delay": 30.5}, "work": {"type": "parallel_homogeneous", "cpu": 1e9, "com": 0}}}"#;
    let log = log(text);
    assert_eq!(log.kind, Kind::Batsim);
    // By submission: the second job of the file comes first.
    assert_eq!((log.jobs[0].id.as_ref(), log.jobs[0].runtime), ("w!2", Span::from_whole_s(100)));
    assert_eq!((log.jobs[1].runtime, log.jobs[1].estimate), (Span::from_s(30.5), Some(Span::from_whole_s(100))));
    assert!(
        log.notices.iter().any(|it| it.starts_with("1 jobs (parallel_homogeneous) run as long as their wall time")),
        "{:?}",
        log.notices
    );
    let without = text.replace("\"subtime\": 1, \"walltime\": 100", "\"subtime\": 1");
    assert!(bad(&without)[0].contains("job `w!2` (counted from 1): its run time does not follow"), "{:?}", bad(&without));
    assert!(bad(&text.replace("\"res\": 4", "\"res\": -4"))[0].contains("`res` -4"));
    assert!(bad("{\"jobs\": [{\"id\": 1,\n]}")[0].starts_with("2:1: no workload of Batsim"));
}

#[test]
fn bad_lines_of_a_table_are_placed_and_can_be_skipped() {
    let text = "id,submit_s,runtime_s,gpus\na,0,10,1\nb,nan,10,1\nc,1,-5,1\nd,2,10,1.5\na,3,10,1\ne,4,1000000000000,1\nf,5,10,\ng,6,10,2\n";
    let said = bad(text);
    assert_eq!(said.len(), 6, "{said:?}");
    assert_eq!(said[0], "3:3: `nan` is no number");
    assert_eq!(said[1], "4:5: `-5` is below 0");
    assert_eq!(said[2], "5:8: `1.5` is no whole number");
    assert_eq!(said[3], "6:1: job id `a` occurs twice, first on line 2");
    assert!(said[4].starts_with("7:5: `1000000000000` s is longer than 285 years"), "{said:?}");
    assert_eq!(said[5], "8:8: no number of GPUs");
    let log = skipping(text);
    assert_eq!((log.jobs.len(), log.skipped), (2, 6));
    assert!(log.notices[0].starts_with("6 bad lines skipped: 3:3: `nan` is no number; "), "{:?}", log.notices);
}

#[test]
fn time_does_not_run_backwards_within_a_job() {
    let head = "submit_time,start_time,end_time,gpu_num\n";
    assert_eq!(bad(&format!("{head}10,5,20,1\n")), ["2:4: it starts before it is submitted"]);
    assert_eq!(bad(&format!("{head}10,15,12,1\n")), ["2:7: it ends before it starts"]);
    assert_eq!(bad(&format!("{head}1969-12-31 23:59:59,15,20,1\n")), ["2:1: `1969-12-31 23:59:59` lies before 1970"]);
}

#[test]
fn a_log_out_of_order_is_sorted_and_says_so() {
    let log = log("id,submit_s,runtime_s,gpus\na,5,1,1\nb,3,1,1\nc,5,1,1\nd,4,1,1\n");
    let ids: Vec<&str> = log.jobs.iter().map(|job| job.id.as_ref()).collect();
    assert_eq!(ids, ["b", "d", "a", "c"]);
    assert!(log.notices[0].contains("2 steps back in time"), "{:?}", log.notices);
}

#[test]
fn what_is_no_log_says_what_it_lacks() {
    let said = |text: &str| read_from(text.as_bytes(), Reading::default()).unwrap_err().to_string();
    assert_eq!(said(""), "the file holds no jobs");
    assert_eq!(said("id,submit_s,runtime_s,gpus\n"), "the file holds no jobs");
    assert_eq!(said("; Version: 2.2\n"), "the file holds no jobs");
    assert!(said("arrival,prompt,answer\n1,2,3\n").starts_with("no column says when jobs were submitted"), "{}", said("a,b\n1,2\n"));
    assert!(said("submit_s,submit_time,gpus,runtime_s\n1,2,3,4\n").contains("say the same"));
    assert!(said("hello\n").contains("--kind"));
    assert!(read_from(&b"id,submit_s,runtime_s,gpus\n\xff\xfe,1,2,3\n"[..], Reading::default()).is_err());
}

#[test]
fn bytes_of_any_kind_never_panic() {
    let mut state = 1_u64;
    let words = [
        "0",
        "-1",
        "nan",
        "1e300",
        ",",
        "\n",
        ";",
        " ",
        "{",
        "}",
        "\"",
        "submit_s",
        "gpus",
        "runtime_s",
        "jobs",
        "\u{feff}",
        "é",
        "2020-01-01",
    ];
    for _ in 0..3000 {
        let mut text = String::from(if state & 4096 == 0 { "id,submit_s,runtime_s,gpus\n" } else { "" });
        for _ in 0..30 {
            // The generator of Knuth (MMIX).
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(words[(state >> 33) as usize % words.len()]);
        }
        for kind in [None, Some(Kind::Swf), Some(Kind::Own), Some(Kind::Batsim)] {
            let _ = read_from(text.as_bytes(), Reading { kind, skip_bad: state & 1 == 0, asks_only: state & 2 == 0 });
        }
    }
}
