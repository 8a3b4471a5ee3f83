//! Location problems and networks of others in, scenarios out.

use bastide_model::diag::Diagnostic;
use bastide_model::import::{ImportedScenario, LocationForm, LocationOptions, import_location, import_sndlib};
use bastide_model::model::{Model, ServiceId, SiteId};
use rstest::rstest;

use crate::folder::Folder;

/// Three facilities and two customers, typed here in the forms of OR-Library and of Holmberg et al.
const CAP: &str = " 3 2 \n 10.5 100. \n 20.25 200. \n 7 0. \n 5\n 1.5 2.5 3 \n 6.125\n 4 5 6.75 \n";
const OPEN: &str = "2 1\ncapacity 10.\nCapacity 20.\n3\n1 2\n";
const HOLMBERG: &str = "2 3\n10 100\n20 200\n 1. 2. 3.\n 11 12 13\n 21 22 23\n";
/// A square with one side said twice, and a node apart.
const GRAPH: &str = "5 5 2\n1 2 1\n2 3 1\n3 4 1\n4 1 10\n1 2 4\n";
const PLANE: &str = "1 713\n3 2 9\n1 0 0 4\n2 3 4 5\n3 1 1 6\n";
const POINTS: &str = "01, 0, 0, 2,\n02, 3, 4, 5,\n03, 6, 8, 1,\n";

const NETWORK: &str = r#"<?xml version="1.0" encoding="ISO-8859-1"?>
<!-- three nodes -->
<network xmlns="http://sndlib.zib.de/network" version="1.0">
 <networkStructure>
  <nodes coordinatesType="geographical">
   <node id="Gda&quot;nsk"><coordinates><x>18.6</x><y>54.2</y></coordinates></node>
   <node id="Lodz"><coordinates><x>19.4</x><y>51.7</y></coordinates></node>
   <node id="Here"><coordinates><x>18.6</x><y>53.2</y></coordinates></node>
  </nodes>
  <links>
   <link id="a"><source>Lodz</source><target>Here</target><additionalModules/></link>
   <link id="b"><source>Gda&quot;nsk</source><target>Here</target></link>
   <link id="c"><source>Lodz</source><target>Gda&quot;nsk</target></link>
  </links>
 </networkStructure>
</network>
"#;

fn options(capacity: Option<f64>, medians: Option<u32>) -> LocationOptions {
    LocationOptions { file: "folder/problem.txt".to_owned(), capacity, medians }
}

fn plain() -> LocationOptions {
    options(None, None)
}

/// The model of an imported scenario; it has neither mistakes nor warnings.
fn model(imported: &ImportedScenario) -> std::sync::Arc<Model> {
    let folder = imported.files.iter().fold(Folder::new(), |folder, (path, text)| folder.with(path, text));
    let loaded = bastide_model::load(folder.path(), &[]).unwrap_or_else(|list| panic!("{list:#?}"));
    assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
    loaded.model
}

fn costs(model: &Model) -> Vec<Vec<f64>> {
    let serving = model.planning.serving_cost.as_ref().expect("an imported problem has costs");
    let rounded = |value: f64| (value * 1e9).round() / 1e9;
    let cost = |service, site| rounded(serving.annual_eur(ServiceId::from_index(service), SiteId::from_index(site)));
    (0..model.services.len()).map(|service| (0..model.sites.len()).map(|site| cost(service, site)).collect()).collect()
}

#[test]
fn a_capacitated_problem_stands_as_it_is() {
    let model = model(&import_location(LocationForm::OrlibCap, CAP, &plain()).unwrap());
    assert_eq!(model.header.name, "problem");
    // Hundredths make every capacity whole.
    assert_eq!(model.sites.iter().map(|site| site.max_accelerators.unwrap()).collect::<Vec<_>>(), [1050, 2025, 700]);
    assert_eq!(model.sites.iter().map(|site| site.fixed_cost.as_eur()).collect::<Vec<_>>(), [100.0, 200.0, 0.0]);
    let units: Vec<f64> =
        model.services.iter().zip(&model.token_rate).map(|(it, rates)| it.demand.as_tokens_per_s() / rates[0].as_tokens_per_s()).collect();
    assert!((units[0] - 500.0).abs() < 1e-9 && (units[1] - 612.5).abs() < 1e-9, "{units:?}");
    assert_eq!(costs(&model), [[1.5, 2.5, 3.0], [4.0, 5.0, 6.75]]);
    assert_eq!((model.planning.sites, model.planning.gap, model.planning.discount_rate), ((0, 3), 0.0, 0.0));
    assert!(model.services.iter().all(|service| !service.operation.single_site));
}

#[test]
fn an_open_capacity_needs_its_option() {
    let model = model(&import_location(LocationForm::OrlibCap, OPEN, &options(Some(8.0), None)).unwrap());
    assert_eq!(model.sites.iter().map(|site| site.max_accelerators.unwrap()).collect::<Vec<_>>(), [8, 8]);
    let mistakes = import_location(LocationForm::OrlibCap, OPEN, &plain()).unwrap_err();
    assert_eq!((mistakes.len(), mistakes[0].code, mistakes[0].span().line, mistakes[0].span().column), (1, "F0954", 2, 1));
    assert!(mistakes[0].hint.as_ref().unwrap().contains("--capacity 5000"), "{mistakes:?}");
    assert_eq!(import_location(LocationForm::OrlibCap, CAP, &options(Some(8.0), None)).unwrap_err()[0].code, "F0954");
    assert_eq!(import_location(LocationForm::Swain, POINTS, &plain()).unwrap_err()[0].code, "F0954");
    assert_eq!(import_location(LocationForm::Swain, POINTS, &options(None, Some(4))).unwrap_err()[0].code, "F0954");
}

#[test]
fn holmberg_lists_costs_by_facility() {
    let model = model(&import_location(LocationForm::Holmberg, HOLMBERG, &plain()).unwrap());
    assert_eq!(costs(&model), [[11.0, 21.0], [12.0, 22.0], [13.0, 23.0]]);
    assert!(model.services.iter().all(|service| service.operation.single_site));
}

#[test]
fn of_an_edge_said_twice_the_last_counts_and_a_node_apart_is_out_of_reach() {
    let model = model(&import_location(LocationForm::OrlibPmed, GRAPH, &plain()).unwrap());
    // 1-2 is 4, so that 1 reaches 2 over 4, 3 at 4 + 1, 4 at 4 + 1 + 1.
    assert_eq!(costs(&model)[0], [0.0, 4.0, 5.0, 6.0, 0.0]);
    assert_eq!(costs(&model)[3], [6.0, 2.0, 1.0, 0.0, 0.0]);
    let open: Vec<bool> = model.legal_service[0].iter().map(|legality| legality.from < legality.until).collect();
    assert_eq!(open, [true, true, true, true, false]);
    assert_eq!(model.planning.sites, (0, 2));
    assert!(model.sites.iter().all(|site| site.max_accelerators.is_none()));
}

#[test]
fn points_in_the_plane() {
    let model = model(&import_location(LocationForm::OrlibPmedcap, PLANE, &plain()).unwrap());
    // Distances 5, 1.414.. and 3.605.., rounded down.
    assert_eq!(costs(&model), [[0.0, 5.0, 1.0], [5.0, 0.0, 3.0], [1.0, 3.0, 0.0]]);
    assert_eq!((model.sites[0].max_accelerators, model.planning.sites), (Some(9), (0, 2)));
}

#[test]
fn weighted_points() {
    let model = model(&import_location(LocationForm::Swain, POINTS, &options(None, Some(1))).unwrap());
    assert_eq!(costs(&model), [[0.0, 10.0, 20.0], [25.0, 0.0, 25.0], [10.0, 5.0, 0.0]]);
    assert_eq!(model.planning.sites, (0, 1));
}

#[rstest]
#[case::empty(LocationForm::OrlibCap, "", 1, 1)]
#[case::cut_short(LocationForm::OrlibCap, "2 1\n5 1\n5 1\n3\n1\n", 5, 1)]
#[case::goes_on(LocationForm::OrlibCap, "1 1\n5 1\n3\n1\n 9 9\n", 5, 2)]
#[case::letters(LocationForm::OrlibCap, "1 1\n5 1\n3\n x1\n", 4, 2)]
#[case::below_zero(LocationForm::OrlibCap, "1 1\n-5 1\n3\n1\n", 2, 1)]
#[case::no_number(LocationForm::OrlibCap, "1 1\n5 nan\n3\n1\n", 2, 3)]
#[case::no_facility(LocationForm::OrlibCap, "0 1\n3\n", 1, 1)]
#[case::endless(LocationForm::OrlibCap, "4000000000 4000000000\n5 1\n", 2, 3)]
#[case::half_a_customer(LocationForm::Holmberg, "1 1.5\n5 1\n3\n1\n", 1, 3)]
#[case::holmberg_cut(LocationForm::Holmberg, "1 2\n5 1\n3 4\n1\n", 4, 1)]
#[case::edge_to_nowhere(LocationForm::OrlibPmed, "2 1 1\n1 3 5\n", 2, 3)]
#[case::more_medians_than_nodes(LocationForm::OrlibPmed, "2 1 3\n1 2 5\n", 1, 5)]
#[case::point_without_demand(LocationForm::OrlibPmedcap, "1 1\n1 1 5\n1 0 0\n", 3, 5)]
#[case::point_without_population(LocationForm::Swain, "1, 0, 0, 5\n2, 1, 1\n", 2, 7)]
fn mistakes_have_their_places(#[case] form: LocationForm, #[case] text: &str, #[case] line: u32, #[case] column: u32) {
    let mistakes = import_location(form, text, &options(None, (form == LocationForm::Swain).then_some(1))).unwrap_err();
    let place = |it: &Diagnostic| (it.code, it.span().line, it.span().column, it.span().file.to_string());
    assert_eq!(place(&mistakes[0]), ("F0955", line, column, "folder/problem.txt".to_owned()), "{mistakes:#?}");
    assert!(mistakes.iter().all(|it| it.hint.is_some()));
}

#[test]
fn any_beginning_of_a_file_is_read_or_refused() {
    let forms = [
        (LocationForm::OrlibCap, CAP),
        (LocationForm::OrlibCap, OPEN),
        (LocationForm::Holmberg, HOLMBERG),
        (LocationForm::OrlibPmed, GRAPH),
        (LocationForm::OrlibPmedcap, PLANE),
        (LocationForm::Swain, POINTS),
    ];
    for (form, text) in forms {
        for cut in 0..text.trim_end().len() {
            let outcome = import_location(form, &text[..cut], &options(None, Some(1)));
            assert!(
                outcome.is_err() || form == LocationForm::Swain || text[cut..].starts_with(|c: char| c.is_ascii_digit() || c == '.'),
                "{form:?} {cut}"
            );
        }
    }
    for cut in 0..NETWORK.trim_end().len() {
        assert!(import_sndlib(&NETWORK[..cut], "n.xml").is_err(), "{cut}");
    }
}

#[test]
fn a_network_has_its_kilometres() {
    let model = model(&import_sndlib(NETWORK, "folder/three.xml").unwrap());
    assert_eq!(model.nations.iter().map(|it| it.entity.name.as_str()).collect::<Vec<_>>(), ["gda-nsk", "lodz", "here"]);
    assert_eq!(model.links[1].entity.title, "Gda\"nsk-Here");
    // One degree along a meridian: 6371 * pi / 180.
    let km = model.links[1].build_cost.unwrap().as_eur();
    assert!((km - 111.194_926_644_558_7).abs() < 1e-9, "{km}");
    assert!(model.planning.survive_link_loss);
    // None of them stands: nobody is reached.
    let reach = bastide_model::latencies(&model);
    assert!(reach[0][1].is_none() && reach[0][0].is_some());
    let built = [bastide_model::model::LinkId::from_index(2)];
    assert!(bastide_model::latencies_with(&model, &built)[0][1].is_some());
}

#[rstest]
#[case::no_xml("5 5 2", 1, 1)]
#[case::never_closed("<network><a>", 1, 12)]
#[case::closed_twice("<network></network></network>", 1, 20)]
#[case::other_xml("<html>\n</html>", 1, 1)]
fn broken_networks(#[case] text: &str, #[case] line: u32, #[case] column: u32) {
    let mistakes = import_sndlib(text, "n.xml").unwrap_err();
    assert_eq!((mistakes[0].code, mistakes[0].span().line, mistakes[0].span().column), ("F0959", line, column), "{mistakes:#?}");
}

#[rstest]
#[case::unknown_node("<target>Here</target></link>\n   <link id=\"c\">", "<target>Her</target></link>\n   <link id=\"c\">", 12, 54)]
#[case::off_the_globe("<x>19.4</x>", "<x>190.4</x>", 7, 20)]
#[case::no_number("<y>51.7</y>", "<y>51,7</y>", 7, 47)]
#[case::no_coordinate("<y>51.7</y>", "", 7, 4)]
#[case::node_twice("\"Here\"", "\"Lodz\"", 8, 4)]
fn broken_parts_of_networks(#[case] from: &str, #[case] to: &str, #[case] line: u32, #[case] column: u32) {
    assert!(NETWORK.contains(from));
    let mistakes = import_sndlib(&NETWORK.replacen(from, to, 1), "n.xml").unwrap_err();
    assert_eq!((mistakes[0].code, mistakes[0].span().line, mistakes[0].span().column), ("F0959", line, column), "{mistakes:#?}");
}
