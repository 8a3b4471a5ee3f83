//! Clusters from shorthands, TOML and node lists, and every mistake at its place.

use bastide_model::diag::Diagnostic;
use bastide_schedule::cluster::UNLIMITED;
use bastide_schedule::{Cluster, Node};
use rstest::rstest;

/// Code, line and column of each mistake.
fn places(read: Result<Cluster, Vec<Diagnostic>>) -> Vec<(&'static str, u32, u32)> {
    let mistakes = read.expect_err("it has mistakes");
    assert!(mistakes.iter().all(|mistake| mistake.hint.is_some()), "{mistakes:?}");
    mistakes.iter().map(|mistake| (mistake.code, mistake.span().line, mistake.span().column)).collect()
}

#[test]
fn a_shorthand_is_nodes_times_gpus() {
    let cluster = Cluster::read("16x8+4X4").unwrap();
    assert_eq!((cluster.nodes.len(), cluster.gpus()), (20, 144));
    let last = &cluster.nodes[19];
    assert_eq!((last.name.as_str(), last.gpus, last.cpu_milli, last.memory_mib), ("node-19", 4, UNLIMITED, UNLIMITED));
    assert_eq!(Cluster::read("3x0").unwrap().gpus(), 0);
}

#[rstest]
#[case("16", "F1101")]
#[case("", "F1101")]
#[case("16x", "F1101")]
#[case("ax8", "F1101")]
#[case("16x8+", "F1101")]
#[case("-1x8", "F1101")]
#[case("0x8", "F1102")]
#[case("16x65", "F1102")]
#[case("99999999999999999999999x8", "F1102")]
#[case("1048576x1+1x1", "F1102")]
#[case("no-such-file.toml", "F0101")]
#[case("no-such-file.csv", "F0101")]
#[case("no-such-file.csv.gz", "F0101")]
fn what_is_no_cluster_is_refused(#[case] word: &str, #[case] code: &str) {
    assert_eq!(places(Cluster::read(word)), [(code, 0, 0)]);
}

#[test]
fn groups_become_nodes() {
    let text = "[[nodes]]\ncount = 6\ngpus = 8\ngpu = \"a100\"\ncpus = 96\nmemory = \"1 TiB\"\nrack_size = 4\n[[nodes]]\nname = \"cpu\"\ncpus = 0.5\n";
    let cluster = Cluster::from_toml("c.toml", text).unwrap();
    assert_eq!((cluster.nodes.len(), cluster.models.as_slice()), (7, &["a100".to_owned()][..]));
    let node = Node { name: "node-5".to_owned(), gpus: 8, model: Some(0), cpu_milli: 96_000, memory_mib: 1 << 20, rack: 1 };
    assert_eq!(cluster.nodes[5], node);
    let node = Node { name: "cpu-0".to_owned(), gpus: 0, model: None, cpu_milli: 500, memory_mib: UNLIMITED, rack: 2 };
    assert_eq!(cluster.nodes[6], node);
}

#[rstest]
#[case("", &[("F0216", 1, 1)])]
#[case("nodes = 3", &[("F0204", 1, 1)])]
#[case("nodes = []", &[("F0217", 1, 9)])]
#[case("nodes = [3]", &[("F0204", 1, 10)])]
#[case("[[node]]\ngpus = 8", &[("F0201", 1, 3)])]
#[case("[[nodes]]\ngpu_count = 8", &[("F0202", 2, 1)])]
#[case("[[nodes]]\ngpus = 8.5", &[("F0204", 2, 8)])]
#[case("[[nodes]]\ngpus = -1", &[("F0208", 2, 8)])]
#[case("[[nodes]]\ngpus = 65", &[("F0208", 2, 8)])]
#[case("[[nodes]]\ncount = 0", &[("F0208", 2, 9)])]
#[case("[[nodes]]\ncount = 1048577", &[("F0208", 2, 9)])]
#[case("[[nodes]]\nrack_size = 0", &[("F0208", 2, 13)])]
#[case("[[nodes]]\ngpu = \"\"", &[("F0217", 2, 7)])]
#[case("[[nodes]]\ngpu = \"a|b\"", &[("F0211", 2, 7)])]
#[case("[[nodes]]\ncpus = \"96\"", &[("F0204", 2, 8)])]
#[case("[[nodes]]\ncpus = nan", &[("F0208", 2, 8)])]
#[case("[[nodes]]\ncpus = -0.5", &[("F0208", 2, 8)])]
#[case("[[nodes]]\nmemory = 64", &[("F0205", 2, 10)])]
#[case("[[nodes]]\nmemory = \"64\"", &[("F0205", 2, 10)])]
#[case("[[nodes]]\nmemory = \"64 GW\"", &[("F0206", 2, 10)])]
#[case("[[nodes]]\nmemory = \"lots\"", &[("F0207", 2, 10)])]
#[case("[[nodes]]\nmemory = \"-1 GiB\"", &[("F0208", 2, 10)])]
#[case("[[nodes]]\nname = \"a\"\n[[nodes]]\nname = \"a\"", &[("F0302", 4, 8)])]
#[case("[[nodes]]\ncount = 1048576\n[[nodes]]\n", &[("F1102", 3, 1)])]
#[case("[[nodes]]\ngpus = 8\ngpus = 9", &[("F0110", 3, 1)])]
#[case("[[nodes]]\ngpus = x\ncpu = 3", &[("F0109", 2, 8), ("F0202", 3, 1)])]
fn mistakes_in_toml_are_placed(#[case] text: &str, #[case] expected: &[(&str, u32, u32)]) {
    let found = places(Cluster::from_toml("c.toml", text));
    assert_eq!(found, expected);
}

#[test]
fn a_node_list_is_read() {
    let cluster =
        Cluster::from_list("n.csv", "sn,cpu_milli,memory_mib,gpu,model\na,64000,262144,2,P100\nb,96000,,0,\n\nc,8000.0,1,1,T4\n").unwrap();
    assert_eq!(cluster.models, ["P100", "T4"]);
    let node = |name: &str, gpus, model, cpu_milli, memory_mib| Node { name: name.to_owned(), gpus, model, cpu_milli, memory_mib, rack: 0 };
    let expected = [node("a", 2, Some(0), 64_000, 262_144), node("b", 0, None, 96_000, UNLIMITED), node("c", 1, Some(1), 8_000, 1)];
    assert_eq!(cluster.nodes, expected);
}

#[rstest]
#[case("", &[("F0403", 1, 1), ("F0403", 1, 1)])]
#[case("sn,gpu", &[("F1002", 1, 1)])]
#[case("sn,cpu\na,1", &[("F0403", 1, 1)])]
#[case("sn,gpu,gpu\na,1,1", &[("F0418", 1, 8)])]
#[case("sn,gpu\na,1\nb", &[("F0414", 3, 1)])]
#[case("sn,gpu\na,1\na,2", &[("F0302", 3, 1)])]
#[case("sn,gpu\n,1", &[("F0408", 2, 1)])]
#[case("sn,cpu_milli,gpu\na,x,1\nb,3,-1", &[("F0406", 2, 3), ("F0406", 3, 5)])]
#[case("sn,gpu\na,65", &[("F0208", 2, 3)])]
fn mistakes_in_a_list_are_placed(#[case] text: &str, #[case] expected: &[(&str, u32, u32)]) {
    assert_eq!(places(Cluster::from_list("n.csv", text)), expected);
}
