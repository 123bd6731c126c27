import { expect, test } from 'vitest';
import { createFinder } from '../../src/netmcp/search/finder.ts';
import { TOOL_AREAS, toolsOf } from '../../src/netmcp/tools/index.ts';

/** As the tool servers index them. */
const documents = TOOL_AREAS.flatMap((area) => {
  const tools = toolsOf(area);
  const server = { id: `${area}-tools`, summary: `Tools: ${tools.map(({ title }) => title).join('; ')}.` };
  return tools.map(({ name, title, description, meta: { labels, category } }) => ({
    id: name,
    name,
    title,
    description,
    labels,
    category,
    server,
  }));
});

/**
 * What people and agents want in the scenarios of the white paper (5.1 to 5.3), in their words, with the tools
 * of which one must be among the first five.
 */
const REQUESTS: ReadonlyArray<[request: string, ...tools: string[]]> = [
  // A major event: live streaming at a concert.
  [
    'guarantee my live stream from the concert',
    'core_create_qos_session',
    'core_assure_service',
    'core_request_reference_qos',
  ],
  ['how many people will be in the stadium cells tonight', 'core_predict_network_performance'],
  ['warn me before the stadium gets too crowded', 'core_watch_congestion'],
  ['set aside radio capacity for the broadcaster during the show', 'ran_reserve_prbs'],
  [
    'give back what was reserved after the show',
    'ran_release_prbs',
    'ran_release_policy',
    'core_end_reference_qos',
  ],
  ['is the viewer happy with the video right now', 'core_read_service_experience'],
  // A journey with a video conference.
  ['where will the traveller be tomorrow afternoon', 'core_predict_ue_mobility'],
  ['weak signal spots on the way to the airport', 'ran_get_coverage'],
  ['move him to 4G before the tunnel', 'ran_preset_handover', 'ran_switch_network'],
  ['what bandwidth can I expect there this evening', 'core_predict_qos'],
  ['put this user first when the cell is full', 'ran_set_ue_priority', 'core_modify_qos_session'],
  ['tell me when the guarantee of the conference is lost', 'core_watch_qos_session'],
  ['follow the phone as it moves from cell to cell', 'core_watch_subscriber'],
  ['in which city is this customer', 'core_locate_ue'],
  ['is the phone switched off or out of coverage', 'core_read_registration'],
  ['signal strength and rate of the terminal at this moment', 'ran_read_ue_radio'],
  ['keep the measurements of the trip for the review', 'ran_archive_counters', 'storage_put_object'],
  ['reception is terrible, get the user onto the other network', 'ran_preset_handover', 'ran_switch_network'],
  // Rights from the state of the connection.
  [
    'boost a gamer who bought the acceleration package',
    'core_modify_qos_session',
    'core_request_reference_qos',
    'ran_set_ue_priority',
    'core_modify_qos_session',
  ],
  ['which quality sessions does the game have open', 'core_read_reference_qos'],
  // An e-commerce promotion.
  ['collect counters of these cells every ten seconds', 'ran_start_measurement'],
  ['stop the dense collection', 'ran_stop_measurement'],
  [
    'payment is slow: latency and packet loss towards the data centre',
    'transport_read_path_performance',
    'transport_read_paths',
    'transport_read_paths',
  ],
  ['what is broken in the network', 'recovery_list_alarms'],
  ['which core elements are overloaded', 'core_read_nf_load', 'core_read_nf_load'],
  ['the fibre was cut, send the traffic another way', 'transport_fail_over', 'transport_switch_path'],
  ['the policy function crashed, bring it back', 'recovery_restart_function'],
  ['switch over to the spare PCF', 'recovery_prefer_function', 'core_find_standby_functions'],
  ["undo yesterday's configuration changes from the backup", 'recovery_restore_policies'],
  // Minors and the elderly.
  [
    'no internet for the child after nine in the evening',
    'core_suspend_user_plane',
    'core_release_pdu_session',
  ],
  ['give the child its connection back', 'core_resume_user_plane', 'core_establish_pdu_session'],
  ['find the subscriber behind this phone number', 'core_translate_identity'],
  // Industry, edge and inference.
  ['connect the robot to the factory network', 'core_establish_pdu_session'],
  ['how full is the industrial slice', 'core_read_slice_load', 'core_read_slice_load'],
  [
    'run the inference of a weak terminal at the edge',
    'compute_offload_near',
    'compute_run_job',
    'compute_allocate',
  ],
  ['GPU servers with room near the plant', 'compute_list_sites', 'compute_read_site', 'compute_allocate'],
  ['the edge site is on fire, take the workload elsewhere', 'compute_move_allocation'],
  ['has the training task finished', 'compute_read_job'],
  ['push a firmware update to the cars at night when it is quiet', 'core_plan_data_transfer'],
  ['upload a file for the other agents', 'storage_put_object'],
];

/** Harder ones, of single tools: what is missed is known and not hidden. */
const HELD_OUT: typeof REQUESTS = [
  ['an ambulance needs absolute priority on the air', 'ran_set_ue_priority', 'core_modify_qos_session'],
  ['show me the handover failures of cell 12', 'ran_read_measurements', 'ran_collect_cell_kpis'],
  ['send the drone video through the nearby edge', 'core_influence_traffic', 'compute_place_relay'],
  ['end the conference guarantee, we are done', 'core_release_qos_session', 'core_end_reference_qos'],
  ['how much disk space is left in the bucket', 'storage_read_bucket'],
  ['which steering policies are active in the base stations', 'ran_list_policies'],
  ['is the AMF a single point of failure', 'core_find_standby_functions'],
  ['what is the IP address of this phone', 'core_find_session_of_subscriber'],
  ['tell us when a new network function joins', 'core_watch_functions'],
  ['how many IoT sessions are there', 'core_read_slice_load', 'core_read_slice_load'],
  ['who provides policy authorization and at which address', 'core_discover_network_functions'],
  ['will the cells on my route be congested', 'core_predict_congestion'],
  ['which gateway carries this user', 'core_list_user_plane_functions', 'transport_read_paths'],
  ['delete the old recording', 'storage_delete_object'],
  ['back up the radio settings before the change', 'recovery_save_policies'],
  ['what speed does the customer get right now', 'core_read_flow_usage', 'ran_read_ue_radio'],
  ['is the policy in force', 'ran_read_policy_status'],
  ['accept the second window for the bulk download', 'core_choose_transfer_window'],
  ['cancel the congestion alarm', 'core_unwatch_congestion'],
  ['stop the edge workload and free the cores', 'compute_release'],
];

const finder = createFinder(documents);
const missedOf = (requests: typeof REQUESTS) =>
  requests
    .filter(
      ([request, ...right]) =>
        !finder
          .find(request)
          .slice(0, 5)
          .some(({ id }) => right.includes(id)),
    )
    .map(([request]) => request);

test('forty requests in plain words find a right tool among the first five', () => {
  expect(REQUESTS).toHaveLength(40);
  const missed = missedOf(REQUESTS);
  expect(1 - missed.length / REQUESTS.length, missed.join('; ')).toBeGreaterThanOrEqual(0.9);
});

test('so do most of twenty more', () => {
  expect(HELD_OUT).toHaveLength(20);
  const missed = missedOf(HELD_OUT);
  expect(1 - missed.length / HELD_OUT.length, missed.join('; ')).toBeGreaterThanOrEqual(0.8);
});
