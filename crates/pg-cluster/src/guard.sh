# Creates the folder $1, prints nothing unless that fails, and closes stdout. Once stdin ends, stops the server in the
# folder and removes it. Each line on stdin names what to stop, in place of the line before: a signal, and the process
# group whose leader is to get it; "-" is nothing.
trap '' HUP INT QUIT TERM
exec 2>&1
mkdir -m 700 -- "$1" || exit
exec >/dev/null 2>&1
signal=- group=
while read -r line; do
    signal=${line% *} group=${line#* }
done
tries=0
if [ "$signal" != - ]; then
    kill -s "$signal" -- "$group"
    # The file is looked at, too: a server that ended stays in the process table until its parent asks.
    while [ -e "$1/data/postmaster.pid" ] && kill -s 0 -- "-$group" && [ $tries -lt 500 ]; do
        sleep 0.02 || sleep 1
        tries=$((tries + 1))
    done
    kill -s KILL -- "-$group"
fi
# A process that was just killed may still be writing.
while ! rm -rf -- "$1" && [ $tries -lt 1000 ]; do
    sleep 0.02 || sleep 1
    tries=$((tries + 1))
done
