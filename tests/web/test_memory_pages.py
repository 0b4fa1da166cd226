"""The canvases of a memory are tabs on the node that composed them, with what each subject gains."""

import re

from playwright.sync_api import expect

CANVAS = """async names => {
    app.rootGraph.clear()
    const add = (kind, x, y) => {
        const node = LiteGraph.createNode(kind)
        node.pos = [x, y]
        app.rootGraph.add(node)
        return node
    }
    const memory = add("FFGOComposeMemory", 800, 0)
    const feed = (kind, name, y, socket) => {
        const node = add(kind, 0, y)
        node.widgets[0].value = name
        node.connect(0, memory, memory.inputs.findIndex((input) => input.name === socket))
    }
    feed("LoadImage", "background_lake.png", 0, "background")
    for (const [i, name] of names.entries()) {
        feed("FFGOLoadSubject", name, 400 * (i + 1), `subjects.subject${i}`)
        await new Promise((done) => setTimeout(done, 100))  // the next socket grows
    }
    memory.connect(0, add("SaveImage", 1400, 0), 0)
    for (const [name, value] of [["memory", 3], ["width", 832], ["height", 480]]) {
        memory.widgets.find((widget) => widget.name === name).value = value
    }
    app.canvas.ds.scale = 0.5
    app.canvas.centerOnNode(memory)
}"""
SUBJECTS = ["subject_robot.png", "subject_boat.png", "subject_balloon.png", "subject_robot.png", "subject_boat.png"]


def test_canvases_are_tabs_with_badges(comfy):
    comfy.page.evaluate(CANVAS, SUBJECTS)
    entry = comfy.finished(comfy.run())
    assert entry["status"]["status_str"] == "success", entry["status"]
    shown = comfy.page.locator(".ffgo-page")
    tabs = comfy.page.get_by_role("tablist", name="Canvases of the memory").get_by_role("tab")
    expect(tabs).to_have_text(["1 · scene", "2 · 3 subjects", "3 · 2 subjects"])
    comfy.page.evaluate("app.canvas.centerOnNode(app.rootGraph.nodes[0])")  # it grew
    expect(shown.locator("img")).to_have_attribute("alt", "The scene alone")
    expect(shown.locator(".ffgo-badge")).to_have_count(0)

    tabs.nth(1).click(timeout=20_000)
    expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
    expect(shown.locator(".ffgo-badge")).to_have_text([re.compile(rf"subject{i} \u00d7\d\.\d") for i in range(3)])
    expect(shown.locator("img")).to_have_attribute("alt", re.compile(r"subject0.*: [\d,]+ pixels, \d\.\d times"))
    assert shown.locator("img").evaluate("image => [image.naturalWidth, image.naturalHeight]") == [832, 480]
    tabs.nth(1).press("ArrowRight")
    expect(tabs.nth(2)).to_be_focused()
    expect(shown.locator(".ffgo-badge")).to_have_count(2)

    comfy.page.evaluate("app.rootGraph.nodes.find((n) => n.type === 'FFGOComposeMemory').widgets[0].value = 2")
    assert comfy.finished(comfy.run())["status"]["status_str"] == "success"
    expect(tabs).to_have_text(["1 · scene", "2 · 5 subjects"])
    expect(shown.locator(".ffgo-badge")).to_have_count(5)
    assert not comfy.problems
