#!/usr/bin/env bats
# tools/bench measures what it says.

load helper
load lab/lab.bash

setup_file() {
	"$BATS_TEST_DIRNAME/../tools/bench" --smoke -o "$BATS_FILE_TMPDIR" >"$BATS_FILE_TMPDIR/said" 2>&1 3>&- || :
}

# Python, with the results: `groups` by their names, and all `rows`.
results() {
	{
		cat <<-'END'
			import json, sys
			groups = {group["name"]: group for group in json.load(open(sys.argv[1]))["groups"]}
			rows = [row for group in groups.values() for row in group["rows"]]
		END
		cat
	} | python3 - "$BATS_FILE_TMPDIR/results.json" || {
		cat "$BATS_FILE_TMPDIR/said"
		return 1
	}
}

@test "tools/bench --smoke: each group has rows, and each way of a row its number" {
	results <<-'END'
		assert list(groups) == ["latency", "clients", "overhead", "startup", "throughput", "growth", "supervision"], list(groups)
		for group in groups.values():
		    assert group["rows"] and not group.get("troubles"), group
		# Where something cannot be measured the reason stands instead of the number: here all can be.
		reasons = [(row["name"], number) for row in rows for number in row["ways"].values() if "reason" in number]
		assert not reasons, reasons
	END
}

@test "tools/bench --smoke: what is measured with the library had the library" {
	results <<-'END'
		# Counted by the kernel: a busy machine may spoil one of the three, and the times of all.
		http = next(row for row in rows if row["name"].startswith("http, 300 B, warm, 20 ms"))
		sent = http["key"]["data in the SYN acknowledged"]
		assert sent["tfo-run curl"] > 0 and sent["curl --tcp-fastopen"] > 0 and sent["curl"] == 0, sent
		write = next(row["ways"] for row in rows if row["name"] == "write, instructions")
		assert write["none"]["exact"] == write["empty"]["exact"] < write["tfo-run"]["exact"], write
	END
}

# On a copy, in which the plots are drawn anew and the block of the README is written.
@test "the README shows what the published results say" {
	[[ $(command -v gnuplot) ]] || must_skip "gnuplot is missing"
	repository=$BATS_TEST_DIRNAME/..
	mkdir -p copy/tests/bench
	cp "$repository/README.md" copy
	cp -r "$repository"/tests/bench/{*.py,results} copy/tests/bench
	rm -f copy/tests/bench/results/*.{svg,md}
	try copy/tests/bench/run.py --readme --output "$PWD/copy/tests/bench/results"
	expect_only ''
	diff "$repository/README.md" copy/README.md
	diff "$repository/tests/bench/results/table.md" copy/tests/bench/results/table.md
	diff <(ls "$repository/tests/bench/results") <(ls copy/tests/bench/results)
	for plot in copy/tests/bench/results/*.svg; do
		grep -q '</svg>' "$plot"
		grep -qF "(tests/bench/results/${plot##*/})" copy/README.md
	done
}
