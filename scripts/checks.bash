# Sourced by the scripts: runs checks one after the other, remembers which failed, and
# says so at the end. A failed check does not stop the ones after it.

passed=0
failures=()
not_run=()

# check WHERE WHAT COMMAND... runs one check.
check() {
	local where=$1 what=$2
	shift 2
	printf '\n== %s: %s (%ss)\n' "$where" "$what" "$SECONDS"
	if "$@"; then
		passed=$((passed + 1))
	else
		failures+=("$where: $what")
	fi
}

# unable WHERE WHAT WHY notes a check that this machine cannot run. It does not pass.
unable() {
	printf '\n== %s: %s: NOT RUN: %s\n' "$1" "$2" "$3"
	not_run+=("$1: $2: $3")
}

# within DIR COMMAND... runs a command in a directory.
within() {
	(cd "$1" && shift && "$@")
}

# modules lists the directories of every go.mod, the core's first.
modules() {
	echo .
	find . -mindepth 2 -name go.mod -not -path '*/testdata/*' -not -path './.*/*' -printf '%h\n' | sed 's|^\./||' | sort
}

# named turns a module's directory into the name that a person reads.
named() {
	if [ "$1" = . ]; then echo core; else echo "$1"; fi
}

# finish prints the balance and leaves with it.
finish() {
	echo
	local f
	for f in "${failures[@]+"${failures[@]}"}"; do
		echo "FAILED $f"
	done
	for f in "${not_run[@]+"${not_run[@]}"}"; do
		echo "NOT RUN $f"
	done
	echo "$passed passed, ${#failures[@]} failed, ${#not_run[@]} not run, after ${SECONDS}s"
	[ ${#failures[@]} -eq 0 ]
	exit
}
