// One line per case, as tests/support/script.sh prints them. A case passes when its function returns without throwing.
export async function check(name, action) {
    try {
        await action()
        console.log(`ok ${name}`)
    } catch (error) {
        console.log(`not ok ${name}: ${String(error.message).split('\n').slice(0, 12).join(' ')}`)
        process.exitCode = 1
    }
}
