/**
 * Terms of mobile networks that mean or concern the same thing (abbreviations of TR 21.905 and TS 23.501,
 * written by us). One group a line; `a, b > c, d`: who says a or b also means c and d, not the reverse.
 */
export const TELECOM = `
ue, user equipment, terminal, device, handset, mobile
supi, imsi, subscriber, customer
gpsi, msisdn, phone number
ran, radio access network, radio
gnb, base station, cell site, node b, enb
cell, sector, carrier
prb, resource block, radio resource, spectrum share
qos, quality of service, service quality, sla, guarantee, assurance
5qi, qci, qos class, qos profile
gfbr, gbr, guaranteed bit rate, guaranteed rate
mfbr, mbr, maximum bit rate, rate limit, throttle
bandwidth, throughput, bit rate, data rate, speed, mbps
latency, delay, lag, rtt, round trip, pdb, packet delay budget
jitter, delay variation
packet loss, loss, error rate, per, bler
rsrp, rsrq, sinr, rssi, signal strength, signal, coverage, reception
handover, handoff, mobility, cell change, switch over, reselection
slice, nssai, network slice, slicing, snssai
pdu session, session, bearer, data connection, flow
amf, access and mobility management, registration, reachability
smf, session management
upf, user plane, forwarding, gateway
pcf, policy control, policy, rule
nwdaf, analytics, prediction, forecast, insight
nrf, repository, registry, discovery
nef, exposure, northbound
udm, subscription data, subscription, profile
ausf, authentication
nssf, slice selection
lmf, positioning, location, localisation, localization, position, whereabouts
drx, discontinuous reception, sleep, paging, power saving, energy saving
mec, edge computing, edge, edge host, dnai, local breakout, relay
offload, offloading, inference, computing
mimo, beam, beamforming, antenna
harq, retransmission, arq
bwp, bandwidth part
rrc, radio resource control
rrm, radio resource management
sdn, transport network, transport, backhaul, fronthaul, path, link, route
congestion, overload, load, utilisation, utilization, busy, crowded
interference, noise, jamming
kpi, counter, measurement, metric, statistic, performance
alarm, fault, failure, outage, incident, problem
redundancy, backup, standby, failover, fallback, protection, recovery
reserve, reservation, book, allocate, dedicate, provision
release, free, delete, remove, cancel, tear down
priority, precedence, preemption, arp, scheduling
prioritise, prioritize, boost, prefer > priority
uav, drone, unmanned aircraft, flight
v2x, vehicle, car, driving
iot, sensor, mtc, reduced capability, redcap
sensing, detection, radar
sms, message, text message
voice, call, volte, vonr, ims
video, stream, streaming, conference, media
roaming, visited network, plmn
charging, billing, quota, tariff
tunnel, subway, metro, underground, basement > weak coverage, coverage
trip, journey, travel, route, trajectory > coverage, handover
surgery, emergency, rescue, mission critical > priority, guarantee, redundancy
stadium, concert, crowd, event > congestion, load, capacity
video conference, cloud gaming, remote control > latency, guarantee, qos
weak, poor, bad, hole > coverage, signal
steer, steering, traffic steering > handover, path
throttled, slow, stutter, freeze > throughput, congestion, delay
`;
