//! Networks of SNDlib (S. Orlowski, R. Wessäly, M. Pióro and A. Tomaszewski, SNDlib 1.0: Survivable Network Design library, Networks 55,
//! 2010) as scenarios: a nation with a site for each node, and a link that the plan may build for each link, at one euro a year for each
//! kilometre.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::ImportedScenario;
use super::draft::{ASSUMED, Names};
use super::xml::{self, Element};
use crate::diag::Diagnostic;
use crate::plan::quoted;
use crate::text::{At, Sources};

/// Mean radius of the Earth \[km\].
const EARTH_KM: f64 = 6371.0;
/// Light in fibre: two thirds of its speed in vacuum \[km/ms\].
const FIBRE_KM_PER_MS: f64 = 200.0;
/// Most mistakes that one file reports.
const MAX_REPORTS: usize = 20;

/// A node.
struct Node {
    /// As the file has it.
    id: String,
    /// In the scenario.
    name: String,
    /// Degrees east and north, or coordinates in the plane.
    place: (f64, f64),
}

/// A link.
struct Link {
    name: String,
    ends: (usize, usize),
    km: f64,
}

/// What is read and what is wrong.
struct Reader<'a> {
    sources: &'a Sources,
    file: u32,
    mistakes: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn wrong(&mut self, place: (u32, u32), message: String, hint: &str) {
        if self.mistakes.len() < MAX_REPORTS {
            let at = At { file: self.file, start: place.0, end: place.1 };
            self.mistakes.push(Diagnostic::error("F0959", self.sources.span(at), message).hint(hint));
        }
    }

    fn number(&mut self, element: Option<&Element>, of: &Element, what: &str) -> f64 {
        let Some(element) = element else {
            self.wrong(of.place, format!("this node has no `{what}`"), "nodes have `<coordinates>` with `<x>` and `<y>`");
            return f64::NAN;
        };
        match element.text.parse::<f64>() {
            Ok(value) if value.is_finite() => value,
            _ => {
                let place = if element.text.is_empty() { element.place } else { element.text_place };
                self.wrong(place, format!("`{}` is no coordinate", element.text), "digits with a decimal point");
                f64::NAN
            }
        }
    }
}

/// Turns a network into a scenario that validates; `file` is its name in messages and sources.
///
/// # Errors
/// Each mistake with its line and column (`F0959`).
pub fn import_sndlib(text: &str, file: &str) -> Result<ImportedScenario, Vec<Diagnostic>> {
    let mut sources = Sources::default();
    let id = sources.add(file, text);
    let root = xml::parse(text, &sources, id)?;
    let mut reader = Reader { sources: &sources, file: id, mistakes: Vec::new() };
    let structure = root.child("networkStructure");
    let (nodes, links) = (structure.and_then(|it| it.child("nodes")), structure.and_then(|it| it.child("links")));
    let (Some(nodes), Some(links)) = (nodes, links) else {
        reader.wrong(
            root.place,
            "the file has no `networkStructure` with `nodes` and `links`".to_owned(),
            "an XML file of SNDlib has both",
        );
        return Err(reader.mistakes);
    };
    let on_map = nodes.attribute("coordinatesType") != Some("pixel");
    let points = read_nodes(&mut reader, nodes, on_map);
    let edges = read_links(&mut reader, links, &points, on_map);
    if points.is_empty() {
        reader.wrong(nodes.place, "the network has no node".to_owned(), "`<node id=\"Gdansk\">`");
    }
    if reader.mistakes.is_empty() { Ok(render(&points, &edges, on_map, file)) } else { Err(reader.mistakes) }
}

fn read_nodes(reader: &mut Reader<'_>, nodes: &Element, on_map: bool) -> Vec<Node> {
    let mut names = Names::default();
    let mut points: Vec<Node> = Vec::new();
    for (at, node) in nodes.all("node").enumerate() {
        let id = node.attribute("id").unwrap_or("").trim().to_owned();
        if id.is_empty() {
            reader.wrong(node.place, "this node has no `id`".to_owned(), "links name their ends by it");
        } else if points.iter().any(|other| other.id == id) {
            reader.wrong(node.place, format!("there are two nodes `{id}`"), "rename or remove one");
        }
        let coordinates = node.child("coordinates").unwrap_or(node);
        let x = reader.number(coordinates.child("x"), node, "x");
        let y = reader.number(coordinates.child("y"), node, "y");
        if on_map && (x.abs() > 180.0 || y.abs() > 90.0) {
            reader.wrong(
                coordinates.place,
                format!("node `{id}` lies off the globe: {x} degrees east, {y} north"),
                "`x` is the longitude, `y` the latitude",
            );
        }
        points.push(Node { name: names.take(&id, &format!("node-{}", at + 1)), id, place: (x, y) });
    }
    points
}

fn read_links(reader: &mut Reader<'_>, links: &Element, points: &[Node], on_map: bool) -> Vec<Link> {
    let by_id: BTreeMap<&str, usize> = points.iter().enumerate().map(|(at, node)| (node.id.as_str(), at)).collect();
    let mut names = Names::default();
    let mut edges = Vec::new();
    for link in links.all("link") {
        let mut ends = [None, None];
        for (end, key) in ends.iter_mut().zip(["source", "target"]) {
            let said = link.child(key);
            let word = said.map_or("", |it| it.text.as_str());
            *end = by_id.get(word).copied();
            if end.is_none() {
                let place = said.filter(|it| !it.text.is_empty()).map_or(link.place, |it| it.text_place);
                reader.wrong(place, format!("the {key} of this link is no node: `{word}`"), "ends of links are `id`s of nodes");
            }
        }
        let [Some(from), Some(to)] = ends else { continue };
        if from == to {
            reader.wrong(link.place, "this link begins and ends at the same node".to_owned(), "name two different ends");
            continue;
        }
        let (a, b) = (&points[from], &points[to]);
        let km = if on_map { great_circle_km(a.place, b.place) } else { (a.place.0 - b.place.0).hypot(a.place.1 - b.place.1) };
        edges.push(Link { name: names.take(&format!("{}-{}", a.id, b.id), "link"), ends: (from, to), km });
    }
    edges
}

/// Distance on the sphere by the haversine formula (Sinnott 1984); places are degrees east and north.
fn great_circle_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (from, to) = (a.1.to_radians(), b.1.to_radians());
    let half = ((to - from) / 2.0).sin().powi(2) + from.cos() * to.cos() * ((b.0 - a.0).to_radians() / 2.0).sin().powi(2);
    2.0 * EARTH_KM * half.min(1.0).sqrt().asin()
}

fn render(points: &[Node], edges: &[Link], on_map: bool, file: &str) -> ImportedScenario {
    let file = file.rsplit(['/', '\\']).next().unwrap_or("");
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let name = Names::default().take(stem, "network");
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = scenario(&mut text, &name, points, edges, on_map, file);
    let length = if on_map { "great circles on a sphere of 6,371 km" } else { "straight lines in the plane of the file" };
    let readme = format!(
        "# {stem}\n\nThe network `{stem}` of SNDlib (Orlowski et al. 2010): {} nodes, {} links.\n\n## How the file stands here\n\n\
         - every node is a nation with a site; every link is one that the plan may build, both ways, at one EUR a year for each km\n\
         - lengths are {length}\n\
         - `survive_link_loss`: the plan is the cheapest network that stays connected when any single link is down\n\
         - bandwidth and latency of the links are assumptions; modules, their costs, demands and admissible paths of the file are left out\n\n\
         ## Repeat\n\n`bastide import sndlib {file}`, then `bastide plan .`\n",
        points.len(),
        edges.len()
    );
    ImportedScenario { files: vec![("scenario.toml".to_owned(), text), ("README.md".to_owned(), readme)] }
}

fn scenario(out: &mut String, name: &str, points: &[Node], edges: &[Link], on_map: bool, file: &str) -> std::fmt::Result {
    let source = quoted(file);
    writeln!(out, "# Network of SNDlib: {} nodes, {} links. Written by `bastide import sndlib {file}`.\n", points.len(), edges.len())?;
    writeln!(out, "[scenario]\nformat = 1\nname = {}\ntitle = {}", quoted(name), quoted(&format!("Backbone {name}")))?;
    writeln!(out, "question = \"Which links keep all nodes connected when any single one is down?\"")?;
    writeln!(out, "start = 2027-01-01T00:00:00Z\nduration = \"365 d\"\nprice_year = 2025")?;
    for node in points {
        let (name, title) = (quoted(&node.name), quoted(&node.id));
        let place = if on_map { format!("latitude = {:?}\nlongitude = {:?}\n", node.place.1, node.place.0) } else { String::new() };
        writeln!(out, "\n[[nation]]\nname = {name}\ntitle = {title}\n{place}source = {source}\nverified = true")?;
        writeln!(
            out,
            "\n[[bus]]\nname = {name}\nnation = {name}\n{place}energy_price = \"0 EUR/MWh\"\nsource = {source}\nverified = true"
        )?;
        writeln!(
            out,
            "\n[[generator]]\nname = {name}\nbus = {name}\ntechnology = \"none\"\ncapacity = \"1 MW\"\ncost = \"0 EUR/MWh\"\ncarbon = \"0 g/kWh\""
        )?;
        writeln!(out, "source = \"{ASSUMED}: power plays no part\"\nverified = false")?;
        writeln!(
            out,
            "\n[[site]]\nname = {name}\ntitle = {title}\nbus = {name}\ntier = \"regional\"\nconnection = \"1 MW\"\noperator = {name}\nbuilding_cost = \"0 EUR/MW\""
        )?;
        writeln!(out, "source = \"{ASSUMED}: power plays no part\"\nverified = false")?;
    }
    for link in edges {
        let (from, to) = (&points[link.ends.0], &points[link.ends.1]);
        let title = quoted(&format!("{}-{}", from.id, to.id));
        writeln!(out, "\n[[link]]\nname = {}\ntitle = {title}", quoted(&link.name))?;
        writeln!(out, "from = {}\nto = {}", quoted(&format!("nation.{}", from.name)), quoted(&format!("nation.{}", to.name)))?;
        writeln!(out, "bandwidth = {{ value = \"100 Gbit/s\", source = \"{ASSUMED}\", verified = false }}")?;
        let latency = link.km / FIBRE_KM_PER_MS;
        writeln!(out, "latency = {{ value = \"{latency} ms\", source = \"{ASSUMED}: 200 km/ms in fibre\", verified = false }}")?;
        if link.km > 0.0 {
            writeln!(out, "length = \"{} km\"", link.km)?;
        }
        writeln!(out, "build_cost = \"{} EUR\"\nsource = {source}\nverified = true", link.km)?;
    }
    let budget = edges.iter().map(|link| link.km).sum::<f64>() * 2.0 + 1.0;
    writeln!(out, "\n[plan]\nbudget = \"{budget} EUR\"\nit_power = \"1 MW\"\naccelerators = [\"b200\"]\nsurvive_link_loss = true")?;
    writeln!(out, "discount_rate = 0\nbuilding_lifetime = \"1 y\"\ngap = 0\ntime_limit = \"1 h\"")
}
