# Runs one database server for the tests and cleans up behind it, also when the test process is killed.
#
#   sh supervise.sh FOLDER FAREWELL
#
# Orders come as lines on standard input: `run COMMAND` starts one, `signal NAME` signals it; each end of a command is
# answered by a line `exited STATUS`. The other end of standard input is held by the test process alone: when that
# ends, however it ends, the pipe closes, the command gets the signal FAREWELL and FOLDER is removed.
folder=$1
farewell=$2

while read -r order argument; do
    case $order in
    run)
        rm -f "$folder/pid"
        (
            sh -c "echo \$\$ >'$folder/pid'; exec $argument" </dev/null >>"$folder/log" 2>&1
            echo "exited $?"
        ) &
        until [ -s "$folder/pid" ]; do sleep 0.01; done
        ;;
    signal)
        kill -s "$argument" "$(cat "$folder/pid")"
        ;;
    esac
done

if [ -s "$folder/pid" ]; then kill -s "$farewell" "$(cat "$folder/pid")" 2>/dev/null; fi
wait
rm -rf -- "$folder"
