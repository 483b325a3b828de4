"""What sipp does in a call, as its scenarios (sipp.readthedocs.io). `{auth}`: with the password, after a 401."""

from __future__ import annotations

_SDP = """
      v=0
      o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
      s=-
      c=IN IP[media_ip_type] [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 8 101
      a=rtpmap:8 PCMA/8000
      a=rtpmap:101 telephone-event/8000
      a=fmtp:101 0-15
"""

_HEAD = """
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:+1555[call_number]@[local_ip]:[local_port]>;tag=[call_number]
      To: <sip:[service]@[remote_ip]:[remote_port]>{tag}
      Call-ID: [call_id]
      CSeq: {cseq} {method}
      Contact: <sip:sipp@[local_ip]:[local_port]>
      Max-Forwards: 70
"""


def _request(method: str, cseq: int, *, tag: str = "", more: str = "", body: str = "") -> str:
    head = _HEAD.format(tag=tag, cseq=cseq, method=method).strip("\n")
    lines = [f"      {method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0", head]
    lines += [f"      {more}"] if more else []
    lines += ["      Content-Type: application/sdp"] if body else []
    return "\n".join([*lines, "      Content-Length: [len]", body])


def _send(message: str, options: str = "") -> str:
    return f"  <send {options}><![CDATA[\n{message}\n  ]]></send>\n"


def call(*, password: str = "", user: str = "", keys: str = "") -> str:
    """INVITE (with digest where there is a password), ACK, keys or a pause of `-d`, BYE."""
    steps = [_send(_request("INVITE", 1, body=_SDP), 'retrans="500"')]
    cseq = 1
    if password:
        steps.append('  <recv response="100" optional="true"/>\n  <recv response="401" auth="true"/>\n')
        steps.append(_send(_request("ACK", 1, tag="[peer_tag_param]")))
        cseq = 2
        given = f"[authentication username={user} password={password}]"
        steps.append(_send(_request("INVITE", 2, more=given, body=_SDP), 'retrans="500"'))
    steps.append('  <recv response="100" optional="true"/>\n  <recv response="200" rtd="true"/>\n')
    steps.append(_send(_request("ACK", cseq, tag="[peer_tag_param]")))
    for key in keys:
        steps.append('  <pause milliseconds="1500"/>\n')
        steps.append(
            f'  <nop><action><exec play_pcap_audio="/usr/share/sip-tester/dtmf_2833_{key}.pcap"/></action></nop>\n'
        )
    steps.append("  <pause/>\n")
    steps.append(_send(_request("BYE", cseq + 1, tag="[peer_tag_param]"), 'retrans="500"'))
    steps.append('  <recv response="200"/>\n')
    return _scenario("".join(steps))


def options() -> str:
    """Whether it lives."""
    return _scenario(_send(_request("OPTIONS", 1), 'retrans="500"') + '  <recv response="200"/>\n')


def _scenario(steps: str) -> str:
    return f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="call">\n{steps}</scenario>\n'
