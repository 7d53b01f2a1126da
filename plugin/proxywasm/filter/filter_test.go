package filter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idvgate/idvgate/plugin/proxywasm/abi"
	"github.com/idvgate/idvgate/plugin/proxywasm/filter"
	"github.com/idvgate/idvgate/providers/callout"
)

func wantAction(t *testing.T, got, want uint32) {
	t.Helper()
	if got != want {
		t.Fatalf("the callback returns %d, not %d", got, want)
	}
}

const unavailable = "respond 503 verification_unavailable, grpc 14"

func TestWhatNoRuleIsForPassesStrippedAndMarked(t *testing.T) {
	r := newRig(t, wide)
	r.head("GET", "/other", "x_idv_outcome", "match", "accept", "*/*")
	wantAction(t, r.filter.RequestHeaders(stream1, false), filter.Continue)
	r.want(t, "remove x_idv_outcome of map 0", "idv is outcome=none")
	wantAction(t, r.filter.RequestBody(stream1, 500_000, false), filter.Continue)
	r.trailers = []callout.Header{{Name: "x-idv.outcome", Value: "match"}, {Name: "x-sum", Value: "1"}}
	wantAction(t, r.filter.RequestTrailers(stream1), filter.Continue)
	r.want(t, "remove x-idv.outcome of map 1")
}

func TestABodyIsHeldUntilItIsWholeAndTheVendorHasAnswered(t *testing.T) {
	r := newRig(t, wide)
	r.head("POST", "/body", "content-type", "application/json", "content-length", "43", "x-idv-outcome", "match")
	wantAction(t, r.filter.RequestHeaders(stream1, false), filter.Pause)
	r.want(t, "tick every 100")
	wantAction(t, r.filter.RequestBody(stream1, 10, false), filter.Pause)
	r.want(t)
	r.body = person
	wantAction(t, r.filter.RequestBody(stream1, len(person), true), filter.Pause)
	r.want(t, "call 1 to vendor.example within 2000 ms")
	if got := r.sent[0].Value + " " + r.sent[1].Value + " " + r.sent[2].Value + r.sent[3].Value; got != "POST https vendor.example/api/ask" {
		t.Errorf("sent %s", got)
	}
	r.reply = []callout.Header{{Name: ":status", Value: "200"}}
	r.filter.CalloutResponse(plugin1, 1, 1, 0)
	r.want(t, "about 2", "remove x-idv-outcome of map 0", "set x-idv-outcome: match", "set x-idv-decision-id: …", "set x-idv-check: mobile2",
		"idv is outcome=match rule=body%20rule decision=…", "continue")
	r.wantLog(t, `2 {"audit":{`)
	if n := r.metrics["idv_decisions_total.rule=body%20rule.decision=allow.reason=match.mode=enforce"]; n != 1 {
		t.Errorf("counted %v", r.metrics)
	}
	if n := r.metrics["idv_attempts_total.provider=v.outcome=match.billed=yes"]; n != 1 {
		t.Errorf("counted %v", r.metrics)
	}
}

func TestABodyIsRewrittenBeforeItGoesOn(t *testing.T) {
	r := newRig(t, wide)
	r.head("POST", "/less", "content-type", "application/json", "content-length", "43", "digest", "x")
	wantAction(t, r.filter.RequestHeaders(stream1, false), filter.Pause)
	r.body = person
	wantAction(t, r.filter.RequestBody(stream1, len(person), true), filter.Pause)
	r.reply = []callout.Header{{Name: ":status", Value: "200"}}
	r.said = nil
	r.filter.CalloutResponse(plugin1, 1, 1, 0)
	r.want(t, "about 2", `the body is {"name":"李雷","mobile":"1000"}`, "remove content-length of map 0", "remove digest of map 0",
		"set x-idv-outcome: match", "set x-idv-decision-id: …", "set content-length: 33", "idv is outcome=match rule=less decision=…", "continue")

	r = newRig(t, wide)
	r.edits = abi.InternalFailure
	r.head("POST", "/less", "content-type", "application/json")
	r.filter.RequestHeaders(stream1, false)
	r.body = person
	r.filter.RequestBody(stream1, len(person), true)
	r.said, r.reply = nil, []callout.Header{{Name: ":status", Value: "200"}}
	r.filter.CalloutResponse(plugin1, 1, 1, 0)
	r.want(t, "about 2", `the body is {"name":"李雷","mobile":"1000"}`, "respond 503 verification_unavailable, grpc 14")
}

func TestANoIsAnsweredAndNeverContinued(t *testing.T) {
	r := newRig(t, wide)
	r.head("GET", "/header", claim()...)
	wantAction(t, r.filter.RequestHeaders(stream1, true), filter.StopAll)
	r.reply = []callout.Header{{Name: ":status", Value: "404"}}
	r.said = nil
	r.filter.CalloutResponse(plugin1, 1, 1, 0)
	r.want(t, "about 2", "respond 403 identity_not_verified, grpc 7")
	wantAction(t, r.filter.RequestBody(stream1, 10, false), filter.Pause)
	r.want(t)
}

func TestWhatTheHeadDecidesNeedsNoSuspension(t *testing.T) {
	r := newRig(t, wide)
	r.head("GET", "/header", "x-name", "李雷")
	wantAction(t, r.filter.RequestHeaders(stream1, true), filter.Pause)
	r.want(t, "respond 400 invalid_request, grpc 3")
	r.filter.Create(stream2, plugin1)
	r.head("GET", "/a/../header")
	wantAction(t, r.filter.RequestHeaders(stream2, true), filter.Pause)
	r.want(t, "respond 400 invalid_request, grpc 3")
}

func TestAnUpgradeOfAMatchedRouteIsDenied(t *testing.T) {
	r := newRig(t, wide)
	r.head("GET", "/header", "upgrade", "websocket", "connection", "upgrade")
	wantAction(t, r.filter.RequestHeaders(stream1, false), filter.Pause)
	r.want(t, "respond 400 invalid_request, grpc 3")
	r.wantLog(t, `"detail":"upgrade"`)
	r.filter.Create(stream2, plugin1)
	r.head("GET", "/other", "upgrade", "websocket", "connection", "upgrade")
	wantAction(t, r.filter.RequestHeaders(stream2, false), filter.Continue)
}

func TestTrailersEndABodyAndAreStripped(t *testing.T) {
	r := newRig(t, wide)
	r.head("POST", "/body", "content-type", "application/json")
	wantAction(t, r.filter.RequestHeaders(stream1, false), filter.Pause)
	r.body = person
	wantAction(t, r.filter.RequestBody(stream1, len(person), false), filter.Pause)
	r.said = nil
	r.trailers = []callout.Header{{Name: "x_idv_outcome", Value: "match"}}
	wantAction(t, r.filter.RequestTrailers(stream1), filter.Pause)
	r.want(t, "remove x_idv_outcome of map 1", "call 1 to vendor.example within 2000 ms")
	r.reply = []callout.Header{{Name: ":status", Value: "200"}}
	r.filter.CalloutResponse(plugin1, 1, 1, 0)
	if last := r.said[len(r.said)-1]; last != "continue" {
		t.Errorf("said %v", r.said)
	}
}

func TestABodyOverTheLimitIsRefusedBeforeItIsRead(t *testing.T) {
	for name, send := range map[string]func(*rig) uint32{
		"as it says itself": func(r *rig) uint32 {
			r.head("POST", "/body", "content-type", "application/json", "content-length", "201")
			return r.filter.RequestHeaders(stream1, false)
		},
		"as it comes": func(r *rig) uint32 {
			r.head("POST", "/body", "content-type", "application/json")
			wantAction(t, r.filter.RequestHeaders(stream1, false), filter.Pause)
			r.said = nil
			return r.filter.RequestBody(stream1, 201, false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, wide)
			wantAction(t, send(r), filter.Pause)
			r.want(t, "respond 413 body_too_large, grpc 3")
		})
	}
}

func TestWhatWaitsIsBounded(t *testing.T) {
	t.Run("requests", func(t *testing.T) {
		r := newRig(t, filter.Limits{Flows: 1, BodyBytes: 1000, FirstByte: time.Second})
		r.head("GET", "/header", claim()...)
		wantAction(t, r.filter.RequestHeaders(stream1, true), filter.StopAll)
		r.said = nil
		r.filter.Create(stream2, plugin1)
		wantAction(t, r.filter.RequestHeaders(stream2, true), filter.Pause)
		r.want(t, unavailable)
		r.wantLog(t, "as many requests wait as may")
	})
	t.Run("bytes of bodies", func(t *testing.T) {
		r := newRig(t, filter.Limits{Flows: 10, BodyBytes: 150, FirstByte: time.Second})
		r.filter.Create(stream2, plugin1)
		r.head("POST", "/body", "content-type", "application/json")
		wantAction(t, r.filter.RequestHeaders(stream1, false), filter.Pause)
		wantAction(t, r.filter.RequestHeaders(stream2, false), filter.Pause)
		wantAction(t, r.filter.RequestBody(stream1, 100, false), filter.Pause)
		r.said = nil
		wantAction(t, r.filter.RequestBody(stream2, 100, false), filter.Pause)
		r.want(t, unavailable)
		r.filter.Delete(stream1) // makes room again
		r.filter.Create(4, plugin1)
		wantAction(t, r.filter.RequestHeaders(4, false), filter.Pause)
		r.said = nil
		wantAction(t, r.filter.RequestBody(4, 100, false), filter.Pause)
		r.want(t)
	})
}

func TestAReplyWhoseStreamHasGoneStillReachesItsFlow(t *testing.T) {
	r := newRig(t, wide)
	r.head("GET", "/header", claim()...)
	wantAction(t, r.filter.RequestHeaders(stream1, true), filter.StopAll)
	r.gone[stream1] = true
	r.filter.Delete(stream1)
	r.said = nil
	r.reply = []callout.Header{{Name: ":status", Value: "200"}}
	r.filter.CalloutResponse(plugin1, 1, 1, 0)
	r.want(t)
	r.wantLog(t, `"outcome":"match"`)
}

func TestAClientThatLeavesWithItsBodyHalfSentEndsItsFlow(t *testing.T) {
	r := newRig(t, wide)
	r.head("POST", "/body", "content-type", "application/json")
	wantAction(t, r.filter.RequestHeaders(stream1, false), filter.Pause)
	r.gone[stream1] = true
	r.said = nil
	r.filter.Delete(stream1)
	r.want(t)
	r.wantLog(t, `"detail":"body_broken_off"`)
}

func TestFailedCalloutsAreAnswersToo(t *testing.T) {
	plain := callout.Header{Name: "content-type", Value: "text/plain"}
	for _, c := range []struct {
		name   string
		refuse abi.Status
		reply  []callout.Header
		size   int
		later  time.Duration
		error  string
	}{
		{name: "no such cluster", refuse: abi.BadArgument, error: "unavailable"},
		{name: "no endpoint", refuse: abi.InternalFailure, error: "unavailable"},
		{name: "zero headers", error: "unavailable"},
		{name: "larger than a reply may be", reply: []callout.Header{{Name: ":status", Value: "200"}}, size: 1<<20 + 1, error: "unavailable"},
		{name: "the gateway's own 503", reply: []callout.Header{{Name: ":status", Value: "503"}, plain}, error: "unavailable"},
		{name: "the gateway's own 504", reply: []callout.Header{{Name: ":status", Value: "504"}, plain}, later: 2 * time.Second, error: "unavailable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, wide)
			r.callout = c.refuse
			r.head("GET", "/header", claim()...)
			action := r.filter.RequestHeaders(stream1, true)
			if c.refuse != abi.OK {
				wantAction(t, action, filter.Pause)
			} else {
				wantAction(t, action, filter.StopAll)
				r.now = r.now.Add(c.later)
				r.reply = c.reply
				r.filter.CalloutResponse(plugin1, 1, len(c.reply), c.size)
			}
			if last := r.said[len(r.said)-1]; last != unavailable {
				t.Errorf("said %v", r.said)
			}
			r.wantLog(t, `"error":"`+c.error+`"`)
		})
	}
}

func TestAVendorsOwn503IsNotTheGateways(t *testing.T) {
	r := newRig(t, wide)
	r.head("GET", "/header", claim()...)
	wantAction(t, r.filter.RequestHeaders(stream1, true), filter.StopAll)
	r.reply = []callout.Header{{Name: ":status", Value: "503"}, {Name: "content-type", Value: "text/plain"}, {Name: "date", Value: "x"}}
	r.filter.CalloutResponse(plugin1, 1, 3, 0)
	r.wantLog(t, `"outcome":"mismatch"`) // the test's vendor says so with every status but 200
}

func TestAPanicInACallbackIs503ForThatStreamAlone(t *testing.T) {
	r := newRig(t, wide)
	r.broken = true
	r.head("GET", "/other")
	wantAction(t, r.filter.RequestHeaders(stream1, true), filter.Pause)
	r.want(t, unavailable)
	r.wantLog(t, "panic")
	r.broken = false
	r.filter.Create(stream2, plugin1)
	wantAction(t, r.filter.RequestHeaders(stream2, true), filter.Continue)
}

func TestAnEditThatTheGatewayRefusesDenies(t *testing.T) {
	r := newRig(t, wide)
	r.edits = abi.BadArgument
	r.head("GET", "/other", "x-idv-outcome", "match")
	wantAction(t, r.filter.RequestHeaders(stream1, true), filter.Pause)
	r.want(t, "remove x-idv-outcome of map 0", unavailable)
}

func TestATrailerThatCannotBeTakenOffDenies(t *testing.T) {
	r := newRig(t, wide)
	r.head("POST", "/other")
	wantAction(t, r.filter.RequestHeaders(stream1, false), filter.Continue)
	r.said, r.edits = nil, abi.InternalFailure
	r.trailers = []callout.Header{{Name: "x-idv-outcome", Value: "match"}}
	wantAction(t, r.filter.RequestTrailers(stream1), filter.Pause)
	r.want(t, "remove x-idv-outcome of map 1", unavailable)
}

func TestAnAnswerThatTheGatewayRefusesIs503(t *testing.T) {
	r := newRig(t, wide)
	r.answers = abi.BadArgument
	r.head("GET", "/header")
	wantAction(t, r.filter.RequestHeaders(stream1, true), filter.Pause)
	r.want(t, "respond 400 invalid_request, grpc 3", unavailable)
}

func TestAStreamThatNobodyAnnouncedIsDenied(t *testing.T) {
	r := newRig(t, wide)
	r.head("GET", "/other")
	wantAction(t, r.filter.RequestHeaders(77, true), filter.Pause)
	r.want(t, unavailable)
	wantAction(t, r.filter.RequestBody(77, 1, true), filter.Pause)
	r.filter.Create(78, 99) // of a plugin that there is not
	wantAction(t, r.filter.RequestHeaders(78, true), filter.Pause)
	r.want(t, unavailable)
}

func TestABodyThatNeverComesIs503AndNamesTheSwitch(t *testing.T) {
	r := newRig(t, wide)
	r.head("POST", "/body", "content-type", "application/json")
	wantAction(t, r.filter.RequestHeaders(stream1, false), filter.Pause)
	r.now = r.now.Add(4 * time.Second)
	r.filter.Tick(plugin1)
	r.want(t, "tick every 100")
	r.now = r.now.Add(time.Second)
	r.filter.Tick(plugin1)
	r.want(t, "about 2", unavailable, "about 1", "tick every 0")
	r.wantLog(t, "allow_on_headers_stop_iteration")
}

func TestABodyThatHasBegunMayTakeItsTime(t *testing.T) {
	r := newRig(t, wide)
	r.head("POST", "/body", "content-type", "application/json")
	wantAction(t, r.filter.RequestHeaders(stream1, false), filter.Pause)
	wantAction(t, r.filter.RequestBody(stream1, 1, false), filter.Pause)
	r.said = nil
	r.now = r.now.Add(time.Minute)
	r.filter.Tick(plugin1)
	r.want(t)
}

func TestAShadowRuleDelaysNobodyAndHoldsNoStream(t *testing.T) {
	r := newRig(t, wide)
	r.head("GET", "/shadow", claim()...)
	wantAction(t, r.filter.RequestHeaders(stream1, true), filter.Continue)
	r.want(t, "idv is outcome=none", "call 1 to vendor.example within 2000 ms")
	r.gone[stream1] = true
	r.filter.Delete(stream1)
	r.reply = []callout.Header{{Name: ":status", Value: "404"}}
	r.filter.CalloutResponse(plugin1, 1, 1, 0)
	r.want(t)
	r.wantLog(t, `"mode":"shadow"`)
}

func TestAPluginThatIsDeletedEndsItsFlows(t *testing.T) {
	r := newRig(t, wide)
	r.head("GET", "/header", claim()...)
	wantAction(t, r.filter.RequestHeaders(stream1, true), filter.StopAll)
	r.said = nil
	r.filter.Delete(plugin1)
	r.want(t, "about 2", unavailable)
	r.filter.CalloutResponse(plugin1, 1, 1, 0) // comes too late for anybody
	r.want(t)
}

func TestTheTokenIsReadWhereARuleWantsIt(t *testing.T) {
	r := newRig(t, wide)
	inner := abi.AppendPairs(nil, []callout.Header{{Name: "name", Value: "李雷"}, {Name: "mobile", Value: "13800001000"}})
	r.token = abi.AppendPairs(nil, []callout.Header{{Name: "exp", Value: "\x00\x00\x00\x00\x00\x00\xf0\x3f"}, {Name: "user", Value: string(inner)}})
	r.head("GET", "/token")
	wantAction(t, r.filter.RequestHeaders(stream1, true), filter.StopAll)
	r.want(t, "call 1 to vendor.example within 2000 ms")
	r.filter.Create(stream2, plugin1)
	r.token = abi.AppendPairs(nil, []callout.Header{{Name: "user", Value: string(abi.AppendPairs(nil, []callout.Header{{Name: "name", Value: "\x00\x01"}}))}})
	wantAction(t, r.filter.RequestHeaders(stream2, true), filter.Pause)
	r.want(t, "respond 400 invalid_request, grpc 3")
}

func TestConfigureFailsForTheConfigurationAlone(t *testing.T) {
	for _, c := range []struct{ name, config, says string }{
		{"not JSON", `policy`, "has to be a JSON object"},
		{"nothing", ``, "has to be a JSON object"},
		{"no policy", `{}`, `has no \"policy\"`},
		{"a word that is not known", `{"policy":` + policy + `,"unmached":"deny"}`, "has to be a JSON object"},
		{"a policy twice", `{"policy":` + policy + `,"policy":{}}`, "has to be a JSON object"},
		{"unmatched is neither", `{"policy":` + policy + `,"unmatched":"perhaps"}`, `\"pass\" or \"deny\"`},
		{"a mistake in the policy", `{"policy":{"version":1,"providers":{},"rulez":[]}}`, `unknown field \"rulez\"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, wide)
			r.config = c.config
			r.filter.Create(9, 0)
			if r.filter.Configure(9) {
				t.Fatal("accepted")
			}
			r.wantLog(t, c.says)
			for _, line := range r.logs {
				if strings.Contains(line, "vendor.example") {
					t.Errorf("the configuration is echoed: %s", line)
				}
			}
		})
	}
}

func TestUnmatchedMayBeDenied(t *testing.T) {
	r := newRig(t, wide)
	r.config = `{"policy":` + policy + `,"unmatched":"deny"}`
	r.filter.Create(9, 0)
	if !r.filter.Configure(9) {
		t.Fatal(r.logs)
	}
	r.filter.Create(10, 9)
	r.said = nil
	r.head("GET", "/other")
	wantAction(t, r.filter.RequestHeaders(10, true), filter.Pause)
	r.want(t, "respond 403 no_rule, grpc 7")
}

// kept is a configuration with a store that the gateway asks itself.
const kept = `{"policy":{"version":1,
 "state":{"key":{"secret":"KEY"},"shared":{"redis":"redis.dns","login":{"user":"gate","password":{"secret":"WORD"}},"timeout":"1s"}},
 "providers":{"v":{"use":"vendor","endpoint":"https://vendor.example/api"}},
 "rules":[{"name":"kept","route":{"path":"/kept"},"claims":{"name":{"header":"x-name"},"mobile":{"header":"x-mobile"}},"verify":{"check":"mobile2","by":["v"]},"remember":{"match":"1h"},"annotate":[]}]}}`

func TestRedisIsAskedByTheGatewayItself(t *testing.T) {
	r := newRig(t, wide)
	configure := func() {
		t.Helper()
		if r.config = kept; !r.filter.Configure(plugin1) {
			t.Fatalf("%v", r.logs)
		}
	}
	configure()
	ask := func() {
		t.Helper()
		r.said = nil
		r.head("GET", "/kept", claim()...)
		wantAction(t, r.filter.RequestHeaders(stream1, true), filter.StopAll)
	}
	queries := func() (list []string) {
		for _, line := range r.said {
			if strings.HasPrefix(line, "redis") || strings.HasPrefix(line, "query") || strings.HasPrefix(line, "call") {
				list = append(list, strings.Split(line, ": ")[0])
			}
		}
		r.said = nil
		return list
	}
	want := func(lines ...string) {
		t.Helper()
		if got := queries(); !slices.Equal(got, lines) {
			t.Fatalf("%q, not %q", got, lines)
		}
	}
	ask()
	want("redis redis.dns as gate:the value of WORD within 1000 ms", "query 1 to redis.dns")
	r.replyBody = "$-1\r\n"
	r.filter.RedisResponse(plugin1, 1, 0, len(r.replyBody))
	want("query 2 to redis.dns") // its lease
	r.replyBody = "+OK\r\n"
	r.filter.RedisResponse(plugin1, 2, 0, len(r.replyBody))
	want("call 3 to vendor.example within 3000 ms")
	r.reply, r.replyBody = []callout.Header{{Name: ":status", Value: "200"}}, ""
	r.filter.CalloutResponse(plugin1, 3, 1, 0)
	want("query 4 to redis.dns") // what was learnt is told beside the request
	for _, gone := range []struct{ token, status, size int }{{4, 1, 0}, {4, 0, 9}, {99, 0, 0}} {
		r.filter.RedisResponse(plugin1, uint32(gone.token), gone.status, gone.size) // none, late, nobody's
	}
	if len(queries()) != 0 {
		t.Error("a store that does not answer is asked again at once")
	}

	// Where the gateway cannot, the vendor is asked.
	r = newRig(t, wide)
	configure()
	ask()
	want("redis redis.dns as gate:the value of WORD within 1000 ms", "query 1 to redis.dns")
	r.filter.RedisResponse(plugin1, 1, 1, 0)
	want("call 2 to vendor.example within 3000 ms")
}

func TestWhatIsLeftOfABudgetIsAGauge(t *testing.T) {
	r := newRig(t, wide)
	r.config = `{"policy":{"version":1,
	 "providers":{"v":{"use":"vendor","endpoint":"https://vendor.example/api","price":{"mobile2":"0.40 CNY"}}},"budgets":[{"provider":"v","max":"1 CNY","per":"day"}],
	 "rules":[{"name":"paid","route":{"path":"/paid"},"claims":{"name":{"header":"x-name"},"mobile":{"header":"x-mobile"}},"verify":{"check":"mobile2","by":["v"]}}]}}`
	if !r.filter.Configure(plugin1) {
		t.Fatalf("%v", r.logs)
	}
	r.head("GET", "/paid", claim()...)
	r.filter.RequestHeaders(stream1, true)
	if left := r.metrics["idv_budget_left_micros.provider=v.per=day.currency=CNY"]; left != 600_000 {
		t.Errorf("%d millionths are left: %v", left, r.metrics)
	}
}
