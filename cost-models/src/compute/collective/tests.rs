use super::calibration::CollectivePoint;
use super::*;
use crate::compute::{device, devices};

const ALL: [Collective; 5] =
    [Collective::AllReduce, Collective::AllGather, Collective::ReduceScatter, Collective::AllToAll, Collective::SendReceive];

fn network(inside: f64) -> Fabric {
    Fabric::Network { inside, bandwidth: 50e9, latency: 5e-6 }
}

#[test]
fn every_device_has_times_that_grow_with_bytes_and_members() {
    for (name, it) in devices() {
        for operation in ALL {
            for fabric in [Fabric::ScaleUp, network(8.0), network(1.0)] {
                let mut before = 0.0;
                for bytes in [0.0, 1e3, 1e5, 1e6, 1e7, 1e9, 1e11] {
                    let now = collective_time(it, operation, bytes, 16.0, fabric);
                    assert!(now >= before && now.is_finite() && now > 0.0, "{name} {operation:?} {fabric:?} {bytes}: {now}");
                    before = now;
                }
            }
            // Latency grows with members.
            let times = [2.0, 4.0, 8.0].map(|members| collective_time(it, operation, 1e3, members, Fabric::ScaleUp));
            assert!(times[0] <= times[1] && times[1] <= times[2], "{name} {operation:?}: {times:?}");
        }
    }
}

#[test]
fn no_time_beats_the_links() {
    for (name, it) in devices() {
        let (bytes, link) = (1e9, it.scale_up_bandwidth.as_gb_per_s() * 1e9);
        // Even a switch that sums takes the whole vector from every member.
        assert!(collective_time(it, Collective::AllReduce, bytes, 8.0, Fabric::ScaleUp) > bytes / link, "{name}");
        assert!(collective_time(it, Collective::AllGather, bytes, 8.0, Fabric::ScaleUp) > 7.0 / 8.0 * bytes / link, "{name}");
        assert!(collective_time(it, Collective::AllGather, bytes, 64.0, network(8.0)) > 7.0 / 8.0 * bytes / 8.0 / 50e9, "{name}");
    }
}

#[test]
fn no_input_breaks_it() {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 1e-300, 0.3, 1.0, 1.5, 2.7, 1e6, 1e300];
    let it = device("h200").unwrap().1;
    for a in odd {
        for b in odd {
            for operation in ALL {
                for fabric in [Fabric::ScaleUp, Fabric::Network { inside: a, bandwidth: b, latency: a }, network(b)] {
                    let time = collective_time(it, operation, a, b, fabric);
                    assert!(time.is_finite() && time >= 0.0, "{a} {b} {operation:?} {fabric:?}: {time}");
                }
            }
            assert!(engine_all_reduce_time(it, a, b).is_finite());
        }
    }
    assert_eq!(collective_time(it, Collective::AllReduce, 1e6, 1.0, Fabric::ScaleUp), 0.0);
}

#[test]
fn averages_of_members_lie_between_whole_numbers() {
    let it = device("h100").unwrap().1;
    let time = |members| collective_time(it, Collective::AllReduce, 1e6, members, Fabric::ScaleUp);
    assert!(time(1.5) > 0.0 && time(1.5) < time(2.0) && time(2.0) < time(2.5));
}

/// Bus bandwidths of eight devices over vectors of gigabytes (stas00/ml-engineering 744d01e, network benchmarks).
#[test]
fn other_generations_reach_published_bandwidths() {
    for (name, bytes, published) in [("a100", 17.18e9, 234.9), ("mi300x", 4.295e9, 312.9), ("h200", 17.18e9, 482.3)] {
        let it = device(name).unwrap().1;
        let bus = 1.75 * bytes / collective_time(it, Collective::AllReduce, bytes, 8.0, Fabric::ScaleUp) / 1e9;
        assert!((bus / published - 1.0).abs() < 0.12, "{name}: {bus} {published}");
    }
}

#[test]
fn engines_are_faster_for_small_vectors_alone() {
    let it = device("h100").unwrap().1;
    let both = |bytes| (engine_all_reduce_time(it, bytes, 8.0), collective_time(it, Collective::AllReduce, bytes, 8.0, Fabric::ScaleUp));
    let (engine, library) = both(16_384.0);
    assert!(engine < 0.5 * library, "{engine} {library}");
    let (engine, library) = both(1e9);
    assert_eq!(engine, library);
}

#[test]
fn points_of_a_node_adjust_latency_and_bandwidth() {
    let it = device("h100").unwrap().1;
    let truth = communication().scaled(1.5, 0.8);
    let mut points = Vec::new();
    for operation in [Collective::AllReduce, Collective::AllGather] {
        for bytes in [1e3, 1e4, 1e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9] {
            let exchange = Exchange { bytes, members: 4.0, number: 2.0 };
            let seconds = truth.time(it, operation, exchange, Fabric::ScaleUp, Implementation::Library) * 1e-6;
            points.push(CollectivePoint { operation, exchange, by: Implementation::Library, seconds });
        }
    }
    let adjusted = communication().from_points(it, &points);
    for point in &points {
        let time = adjusted.time(it, point.operation, point.exchange, Fabric::ScaleUp, point.by) * 1e-6;
        assert!((time / point.seconds - 1.0).abs() < 0.03, "{point:?}: {time}");
    }
    assert!(adjusted.spread.all_gather.high < 0.03);
    assert_eq!(&communication().from_points(it, &[]), communication());
}
